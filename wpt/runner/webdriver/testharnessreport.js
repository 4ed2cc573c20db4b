// Keeps a test's results for a runner that asks for them over WebDriver: served in the place of the tests' own
// testharnessreport.js. Frames and popups belong to a test; only the first top-level document is one.
// https://web-platform-tests.org/writing-tests/testharness-api.html#callback-api
(function () {
  "use strict";
  if (window !== window.top || window.opener) {
    return;
  }

  const TIMEOUT_MULTIPLIER = /* the runner's --timeout-multiplier */ 1;
  const stringify = JSON.stringify;
  const url = document.URL;

  window.setup({ output: false, timeout_multiplier: TIMEOUT_MULTIPLIER });
  window.add_completion_callback((subtests, harness) => {
    const text = (message) => (message === undefined ? null : message);
    const value = stringify({
      url,
      status: harness.status,
      message: text(harness.message),
      subtests: subtests.map(({ name, status, message }) => ({ name, status, message: text(message) })),
    });
    Object.defineProperty(window, "wptRunnerReport", { value });
  });
})();
