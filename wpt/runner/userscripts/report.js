// Hands a test's results to the runner: asks testharness.js to be told when the test is complete, and calls alert().
// https://web-platform-tests.org/writing-tests/testharness-api.html#callback-api
//
// It runs in every document before the document's own scripts. Frames and popups belong to a test; only the top-level
// document is one. The runner ignores what comes from another address than the test's.
(function () {
  "use strict";
  if (window !== window.top || window.opener) {
    return;
  }

  const PREFIX = "WPTRESULT:";
  const TIMEOUT_MULTIPLIER = /* the runner's --timeout-multiplier */ 1;

  // A test may replace any of these.
  const alert = window.alert.bind(window);
  const stringify = JSON.stringify;
  const address = document.URL;
  let hasHarness = false;
  let hasReported = false;

  function report(status, message, subtests) {
    if (hasReported) {
      return;
    }
    hasReported = true;
    alert(PREFIX + stringify({ url: address, status, message, subtests }));
  }

  function listen() {
    if (hasHarness) {
      return;
    }
    hasHarness = true;
    window.setup({ output: false, timeout_multiplier: TIMEOUT_MULTIPLIER });
    window.add_completion_callback((subtests, harness) => {
      report(
        harness.status,
        harness.message === undefined ? null : harness.message,
        subtests.map(({ name, status, message }) => ({ name, status, message: message === undefined ? null : message }))
      );
    });
  }

  // The harness defines its functions one by one before its own state is there, but all within one script, and a
  // microtask runs after that.
  if (typeof window.add_completion_callback === "function") {
    queueMicrotask(listen);
  } else {
    Object.defineProperty(window, "add_completion_callback", {
      configurable: true,
      enumerable: true,
      get() {
        return undefined;
      },
      set(value) {
        Object.defineProperty(window, "add_completion_callback", {
          value,
          configurable: true,
          enumerable: true,
          writable: true,
        });
        queueMicrotask(listen);
      },
    });
  }

  window.addEventListener("load", () => {
    if (!hasHarness) {
      report(null, "the document has loaded without testharness.js", []);
    }
  });
})();
