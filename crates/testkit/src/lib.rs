//! Real servers for tests, each a child process on loopback with a folder and a port of its own:
//! MariaDB (or MySQL), Redis, moto, SimpleSAMLphp, pysaml2, samlp, pebble, aiosmtpd. `script/test`
//! installs them. Besides them a strict Route53 and an HTTPS server, which run in the test's
//! process, and a check of answers against an OpenAPI document. An error fails the test, so the
//! functions panic with a message.

mod environment;
pub mod html;
pub mod http;
pub mod https;
pub mod mariadb;
pub mod moto;
pub mod openapi;
pub mod original;
pub mod pebble;
pub mod pysaml2;
pub mod redis;
pub mod route53;
pub mod samlp;
pub mod server;
pub mod simplesamlphp;
pub mod smtp;
pub mod tls;
pub mod wait;
