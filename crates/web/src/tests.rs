//! Stories over the whole of the web, on a real database (SQLite) and with real signed answers;
//! only the sockets are left out.

mod world;

mod admin;
mod certificate;
mod records;
mod sign_in;
mod walls;
mod wire;
