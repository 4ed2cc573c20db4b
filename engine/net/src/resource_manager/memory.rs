//! The stores' part in `about:memory`.

use log::error;
use net_traits::CoreResourceMsg;
use net_traits::pub_domains::public_suffix_list_size_of;
use profile_traits::mem::{ProcessReports, Report, ReportKind, perform_memory_report};
use profile_traits::path;

use super::Which;
use super::messages::Manager;
use crate::hsts;
use crate::network_state::NetworkState;

impl Manager {
    /// Says how large the stores are.
    pub(super) fn handle_report(&self, message: CoreResourceMsg) {
        let CoreResourceMsg::CollectMemoryReport(reply) = message else {
            error!("the channel for memory reports got another message");
            return;
        };
        perform_memory_report(|operations| {
            let mut sizes = reports(&self.stores(Which::Public).state, "public");
            sizes.extend(reports(&self.stores(Which::Private).state, "private"));
            sizes.push(report(
                path!["hsts-preload-list"],
                hsts::preload_list_size_of(),
            ));
            sizes.push(report(
                path!["public-suffix-list"],
                public_suffix_list_size_of(operations),
            ));
            reply.send(ProcessReports::new(sizes));
        });
    }
}

fn reports(state: &NetworkState, side: &str) -> Vec<Report> {
    let history: usize = state.history_states.read().values().map(Vec::len).sum();
    vec![
        report(path!["http-cache", side], state.http_cache.size_of()),
        report(path!["hsts-list", side], state.hsts.read().size_of()),
        report(
            path!["authentication-entries", side],
            state.authentication.read().size_of(),
        ),
        report(path!["cookies", side], state.cookies.read().size_of()),
        report(path!["history-states", side], history),
    ]
}

fn report(path: Vec<String>, size: usize) -> Report {
    Report {
        path,
        kind: ReportKind::ExplicitJemallocHeapSize,
        size,
    }
}
