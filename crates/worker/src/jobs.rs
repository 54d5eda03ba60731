//! The background jobs, one file for each, and their table.

pub(crate) mod audit;
pub(crate) mod certificate;
pub(crate) mod check_servers;
pub(crate) mod expiry;
pub(crate) mod housekeeping;
pub(crate) mod lookup;
pub(crate) mod machines;
pub(crate) mod mail;
pub(crate) mod publish;
pub(crate) mod renewal;
pub(crate) mod renewal_info;
pub(crate) mod revocation;
pub(crate) mod track;

use crate::job::{JobEntry, entry};
use crate::start_time::StartTime;

/// Returns every job, in no particular order: each has its own loop.
pub(crate) fn table() -> Vec<JobEntry> {
    let start = StartTime::default();
    vec![
        entry(publish::Publish),
        entry(track::Track),
        entry(lookup::Lookup),
        entry(certificate::Certificate),
        entry(renewal::Renewal),
        entry(renewal_info::RenewalInfo),
        entry(revocation::Revocation),
        entry(mail::Mail),
        entry(expiry::Expiry::new(start.clone())),
        entry(audit::Audit::new(start)),
        entry(housekeeping::Housekeeping),
        entry(machines::Machines),
        entry(check_servers::CheckServers::default()),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use starchart_jobs::WakeUp;

    use super::*;

    #[test]
    fn every_wake_up_starts_the_job_of_its_name() {
        let table = table();
        for &wake_up in WakeUp::ALL {
            let woken: Vec<&str> = table
                .iter()
                .filter(|job| job.wake_up == Some(wake_up))
                .map(|job| job.name)
                .collect();
            assert_eq!(woken, [wake_up.as_str()]);
        }
    }

    #[test]
    fn no_two_jobs_share_a_name() {
        let names: BTreeSet<&str> = table().iter().map(|job| job.name).collect();
        assert_eq!(names.len(), table().len());
    }
}
