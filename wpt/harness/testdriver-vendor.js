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

  // The browser clicks at a point of the page, where the element has to be painted.
  driver.click = async (element) => {
    const view = element.ownerDocument.defaultView;
    const frame = () => new Promise((resolve) => view.requestAnimationFrame(resolve));
    await frame();
    await frame();
    let { left, top, width, height } = element.getBoundingClientRect();
    for (let inner = view; inner !== inner.top; inner = inner.parent) {
      const box = inner.frameElement.getBoundingClientRect();
      left += box.left + inner.frameElement.clientLeft;
      top += box.top + inner.frameElement.clientTop;
    }
    const clicked = new Promise((resolve) => view.addEventListener("click", resolve, { capture: true, once: true }));
    await driver.user_enabled_cors("click", { x: left + width / 2, y: top + height / 2 });
    await clicked;
  };
})();
