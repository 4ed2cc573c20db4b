// What a test asks of the browser's user, with the shape of web-platform-tests' testdriver.js: `test_driver` is for tests,
// `test_driver_internal` is what a vendor fills in, in testdriver-vendor.js. Without a vendor a person has to do it.
// https://web-platform-tests.org/writing-tests/testdriver.html
(function () {
  "use strict";

  window.test_driver_internal = {
    // Whether a vendor plays the user.
    in_automation: false,

    // Clicks an element as a user does.
    click(element) {
      return new Promise((resolve) => element.addEventListener("click", () => resolve(), { once: true }));
    },
  };

  window.test_driver = {
    async click(element) {
      if (!element.isConnected) {
        throw new Error("an element that is in no document cannot be clicked");
      }
      element.scrollIntoView({ behavior: "instant", block: "nearest", inline: "nearest" });
      await window.test_driver_internal.click(element);
    },

    // Does what a page may do only after its user has acted. `intent` says what that is, for a person.
    async bless(intent, action = () => {}) {
      const button = document.createElement("button");
      button.textContent = `Please click here, to allow the test to: ${intent}`;
      document.body.append(button);
      try {
        await window.test_driver.click(button);
      } finally {
        button.remove();
      }
      return action();
    },
  };
})();
