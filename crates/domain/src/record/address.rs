//! Checks that A and AAAA records share.

use std::str::FromStr;

use crate::fault::ValueFault;
use crate::fault::advice::Wanted;
use crate::input::typed::recognize;
use crate::record::note::ValueNote;

/// A private address (RFC 1918, RFC 4193).
pub const PRIVATE: ValueNote = ValueNote::new(
    "This is a private address: it works only inside its own network, such as a school lab.",
);
/// An address reserved for documentation (RFC 5737, RFC 3849).
pub const DOCUMENTATION: ValueNote =
    ValueNote::new("This address is kept for examples: no server can be reached there.");

/// Parses an address of the wanted kind.
pub(super) fn parse<A: FromStr>(input: &str, wanted: Wanted) -> Result<A, ValueFault> {
    input
        .parse()
        .map_err(|_| ValueFault::mistyped(recognize(input), wanted))
}
