//! The column `class` of names, records and challenge values.

use sea_orm::entity::prelude::*;
use starchart_domain::record::NameClass;

/// Whether a name has a CNAME or records of the other types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(5))")]
pub(crate) enum Class {
    #[sea_orm(string_value = "cname")]
    Cname,
    #[sea_orm(string_value = "other")]
    Other,
}

impl From<NameClass> for Class {
    fn from(class: NameClass) -> Self {
        match class {
            NameClass::Cname => Self::Cname,
            NameClass::Other => Self::Other,
        }
    }
}
