//! Leases.

use sea_orm::entity::prelude::*;

/// What a lease gives the right to do. The stored names are also labels of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(64))")]
pub enum LeaseName {
    /// Change RRsets in the zone.
    #[sea_orm(string_value = "publish")]
    Publish,
    /// Ask the provider and the name servers about changes that were sent.
    #[sea_orm(string_value = "track")]
    Track,
    /// Compare the zone with the rows.
    #[sea_orm(string_value = "audit")]
    Audit,
    /// Send the pending mails.
    #[sea_orm(string_value = "mail")]
    Mail,
    /// Notify about and delete expired records.
    #[sea_orm(string_value = "expiry")]
    Expiry,
    /// Look records up for their owners.
    #[sea_orm(string_value = "lookup")]
    Lookup,
    /// Look for certificates to renew.
    #[sea_orm(string_value = "certificates")]
    Certificates,
    /// Ask the authority when to renew certificates.
    #[sea_orm(string_value = "renewal_info")]
    RenewalInfo,
    /// Revoke certificates at the authority.
    #[sea_orm(string_value = "revocations")]
    Revocations,
    /// Import the original's rows.
    #[sea_orm(string_value = "import")]
    Import,
}

impl LeaseName {
    /// The name as it is stored and logged.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Track => "track",
            Self::Audit => "audit",
            Self::Mail => "mail",
            Self::Expiry => "expiry",
            Self::Lookup => "lookup",
            Self::Certificates => "certificates",
            Self::RenewalInfo => "renewal_info",
            Self::Revocations => "revocations",
            Self::Import => "import",
        }
    }
}

/// The newest holder of a lease, whether or not its time has run out.
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "leases")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) name: LeaseName,
    pub(crate) holder: String,
    /// Grows by one with every new holder.
    pub(crate) fence: i64,
    pub(crate) expires_at: i64,
    /// When the holder acquired the lease; renewals do not change it.
    pub(crate) taken_at: Option<i64>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

#[cfg(test)]
mod tests {
    use sea_orm::{ActiveEnum as _, Iterable as _};

    use super::*;

    #[test]
    fn every_name_is_logged_as_it_is_stored() {
        for name in LeaseName::iter() {
            assert_eq!(name.to_value(), name.as_str());
        }
    }
}
