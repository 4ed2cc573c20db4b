//! Many tests, some at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use anyhow::Result;

/// Runs `run` for each item, up to `parallel` at a time, and hands what came out to `each` as it comes.
///
/// # Errors
///
/// The first that `run` or `each` gives. What runs then is finished, and no more is begun.
pub fn run_all<T: Sync, R: Send>(
    items: &[T],
    parallel: usize,
    run: impl Fn(&T) -> Result<R> + Sync,
    mut each: impl FnMut(R) -> Result<()>,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let (sender, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..parallel.clamp(1, items.len().max(1)) {
            let (sender, next, run) = (sender.clone(), &next, &run);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else {
                        return;
                    };
                    if sender.send(run(item)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let outcome: Result<()> = (|| {
            for result in &results {
                each(result?)?;
            }
            Ok(())
        })();
        // Nothing more is begun; without an error there is nothing more.
        next.store(items.len(), Ordering::Relaxed);
        outcome
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;
    use std::sync::{Barrier, Mutex};

    #[test]
    fn each_result_is_seen_once() {
        let items: Vec<u32> = (0..100).collect();
        let mut seen = Vec::new();
        run_all(
            &items,
            4,
            |item| Ok(item * 2),
            |result| {
                seen.push(result);
                Ok(())
            },
        )
        .expect("no error");
        let expected: Vec<u32> = items.iter().map(|item| item * 2).collect();
        seen.sort_unstable();
        assert_eq!(seen, expected);
    }

    #[test]
    fn as_many_as_asked_for_run_at_a_time() {
        // Each waits for two others: with fewer at a time this would not end.
        let barrier = Barrier::new(3);
        let mut seen = 0;
        run_all(
            &[0; 6],
            3,
            |_| {
                barrier.wait();
                Ok(())
            },
            |()| {
                seen += 1;
                Ok(())
            },
        )
        .expect("no error");
        assert_eq!(seen, 6);
    }

    #[test]
    fn nothing_to_do_is_done() {
        run_all(&[(); 0], 2, |()| bail!("there is something"), |()| Ok(())).expect("no error");
    }

    #[test]
    fn an_error_ends_the_run() {
        let begun = Mutex::new(0);
        let items: Vec<u32> = (0..1000).collect();
        let result = run_all(
            &items,
            1,
            |item| {
                *begun.lock().expect("a lock") += 1;
                if *item == 3 {
                    bail!("no browser");
                }
                Ok(())
            },
            |()| Ok(()),
        );
        assert!(result.is_err());
        assert!(*begun.lock().expect("a lock") >= 4);
    }
}
