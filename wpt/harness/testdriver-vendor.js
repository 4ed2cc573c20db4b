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
    let isClicked = false;
    const noticed = (event) => {
      isClicked ||= event.composedPath().includes(element);
    };
    view.addEventListener("click", noticed, { capture: true });
    try {
      // NB: A click goes by if what is there has not reached the screen yet, which takes longer on a busy machine.
      for (let clicks = 0; clicks < 10 && !isClicked; clicks++) {
        await driver.user_enabled_cors("click", { x: left + width / 2, y: top + height / 2 });
        for (let frames = 0; frames < 30 && !isClicked; frames++) {
          await frame();
        }
      }
    } finally {
      view.removeEventListener("click", noticed, { capture: true });
    }
    if (!isClicked) {
      throw new Error("an element that something else covers cannot be clicked");
    }
  };
})();
