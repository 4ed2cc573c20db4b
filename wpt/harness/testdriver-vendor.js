// The vendor's part of testdriver.js, for Latchkey started with --headless --test-driver. In other browsers it does nothing.
//
// A command goes to the browser as the text of a prompt(), which it answers at once with {"ok": value} or {"error": text}.
(function () {
  "use strict";

  const PREFIX = "latchkey-test-driver:";

  // NB: There may be other browsers on the same engine; they answer nothing, which is an error of its own below.
  if (!/ Servo\//.test(navigator.userAgent)) {
    return;
  }
  // Tests may replace it.
  const prompt = window.prompt.bind(window);

  const driver = window.test_driver_internal;
  driver.in_automation = true;

  // A command to the permission interface of user-enabled CORS.
  driver.user_enabled_cors = async (command, parameters = {}) => {
    const text = prompt(PREFIX + JSON.stringify({ ...parameters, command }));
    if (!text) {
      throw new Error("the browser was not started with --test-driver");
    }
    const answer = JSON.parse(text);
    if ("error" in answer) {
      throw new Error(`${command}: ${answer.error}`);
    }
    return answer.ok;
  };

  driver.click = async (element) => {
    await driver.user_enabled_cors("input");
    element.click();
  };
})();
