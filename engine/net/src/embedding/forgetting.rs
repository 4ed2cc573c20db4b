//! What has ended is deleted from the permission store: it counts for nothing, and yet says where a person has been.

use std::time::Duration;

use super::Embedding;
use crate::runtime;

/// How long what has ended may stay.
const INTERVAL: Duration = Duration::from_secs(60 * 60);

impl Embedding {
    /// Deletes what has ended, at once and then again and again, for as long as there is a runtime.
    pub(crate) fn forget_what_has_ended(&'static self) {
        runtime::spawn(async move {
            loop {
                let deleting =
                    runtime::spawn_blocking(move || self.user_cors.remove_expired(self.now()));
                if let Ok(Err(error)) = deleting.await {
                    log::error!(
                        "what has ended could not be deleted from the permissions: {error}"
                    );
                }
                tokio::time::sleep(INTERVAL).await;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use user_cors::{
        Coverage, HeaderNames, ManualClock, MethodClass, PermissionKey, PermissionStore,
        TargetNetwork, Timestamp, TupleOrigin, UserCors, WayOut,
    };

    use super::super::EmbeddingOptions;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_has_ended_is_deleted_when_the_browser_starts_and_later() {
        const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let requester = TupleOrigin::parse("https://page.example").expect("an origin");
        let coverage = |target: &str| Coverage {
            key: PermissionKey {
                top_level_site: requester.site(),
                requester: requester.clone(),
                target: TupleOrigin::parse(target).expect("an origin"),
            },
            network: TargetNetwork::Public,
            way: WayOut::Direct,
            methods: [MethodClass::Get].into_iter().collect(),
            headers: HeaderNames::new(),
        };
        let mut store = PermissionStore::in_memory().expect("a store");
        for (target, days) in [("https://old.example", 31), ("https://new.example", 1)] {
            let clicked = NOW.before(DAY * days);
            store
                .grant(&[coverage(target)], None, clicked, None)
                .expect("granted");
        }
        let clock = Arc::new(ManualClock::new(NOW));
        let options = EmbeddingOptions::alone(Arc::new(UserCors::new(store)));
        let embedding: &'static Embedding =
            Box::leak(Box::new(Embedding::new(options, clock.clone())));
        // What is there is listed for a moment at which nothing had ended.
        let kept = || embedding.user_cors.grants(NOW.before(DAY * 2)).len();
        assert_eq!(kept(), 2);
        embedding.forget_what_has_ended();
        for (days, left) in [(0, 1), (29, 0)] {
            clock.advance(DAY * days);
            tokio::time::sleep(INTERVAL).await;
            assert_eq!(kept(), left, "{days}");
        }
    }
}
