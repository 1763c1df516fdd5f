//! A panic is a bug, and its message can quote whatever the program had in its hands: `unwrap` prints the error, an
//! index prints a length. So the place is logged, and the words only where they are a literal in the source.

use std::{
    cell::{Cell, RefCell},
    fmt,
    panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind},
    pin::pin,
    task::Poll,
};

/// Where a panic happened, and what of its words may be repeated. For logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panic(String);

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Panic {}

thread_local! {
    /// Whether [`caught`] is further up this thread's stack, and will pass a panic on.
    static AWAITED: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

/// From now on a panic is one line in the log, and nothing on standard error.
pub(super) fn report_to_the_log() {
    std::panic::set_hook(Box::new(|info| {
        let panic = describe(info);
        if AWAITED.get() {
            LAST.set(Some(panic));
        } else {
            tracing::error!(cause = %panic, "a panic outside of any request");
        }
    }));
}

fn describe(info: &PanicHookInfo) -> Panic {
    let place = info.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let words = info.payload().downcast_ref::<&'static str>().unwrap_or(&"(a message made at run time)");
    Panic(format!("panicked at {place}: {words}"))
}

/// Runs a request to its end or to its panic. The panic is then the caller's to log, under the request's reference;
/// the hook stays silent about it, so that the reference leads to exactly one line.
pub async fn caught<F: Future>(future: F) -> Result<F::Output, Panic> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        // Hook and catch are on the thread of this very poll, so thread-locals connect the two.
        let outside = AWAITED.replace(true);
        // Unwind-safe: a future that has panicked is not polled again.
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        AWAITED.set(outside);
        match polled {
            Ok(poll) => poll.map(Ok),
            Err(_) => Poll::Ready(Err(LAST.take().unwrap_or(Panic("panicked".to_owned())))),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::{filter::Targets, layer::SubscriberExt};

    use super::*;
    use crate::telemetry::{Form, LogLines, line::tests::Kept};

    /// Logs what `work` logs, while panics go to the log.
    fn logged(work: impl FnOnce()) -> Vec<String> {
        let kept = Kept::default();
        let filter: Targets = "info".parse().unwrap();
        let lines = LogLines::new(filter, vec![kept.outlet(Form::Json)]);
        let previous = std::panic::take_hook();
        report_to_the_log();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), work);
        std::panic::set_hook(previous);
        kept.lines()
    }

    #[test]
    fn a_request_s_panic_is_handed_over_and_one_elsewhere_is_logged_once() {
        let in_a_task = logged(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let secret = String::from("hunter2");
            let panic = runtime.block_on(caught(async { panic!("{secret}") })).unwrap_err();
            assert!(panic.to_string().contains("panics.rs:"), "{panic}");
            assert!(!panic.to_string().contains("hunter2"), "{panic}");
        });
        assert_eq!(in_a_task, [] as [&str; 0], "http::respond writes that line");

        let elsewhere = logged(|| assert!(catch_unwind(|| panic!("a literal")).is_err()));
        assert_eq!(elsewhere.len(), 1);
        assert!(elsewhere[0].contains("panics.rs:") && elsewhere[0].contains("a literal"), "{elsewhere:?}");
    }

    #[tokio::test]
    async fn what_does_not_panic_passes_through() {
        assert_eq!(caught(async { tokio::task::yield_now().await }).await, Ok(()));
    }
}
