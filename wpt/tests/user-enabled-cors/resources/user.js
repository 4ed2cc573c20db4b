// The user, as far as these tests play one: what the permission interface shows, what is answered there, and the clock, the
// settings and the policy behind it. Needs /resources/testdriver.js and /resources/testdriver-vendor.js, and a window.
//
// Each method calls test_driver_internal.user_enabled_cors(command, parameters), which is the vendor's. A browser without it
// fails these tests at once. Times are in milliseconds, by a clock that stands from the first command on and that advance()
// and look() move forward.

// How long a question has to be in view before a button answers it.
const LOOK = 700;

// How long a test waits for a question that has to come.
const PATIENCE = 8000;

async function commandHere(command, parameters = {}) {
  const driver = self.test_driver_internal;
  if (!driver || typeof driver.user_enabled_cors !== "function") {
    throw new Error("this browser has no user-enabled CORS");
  }
  return driver.user_enabled_cors(command, parameters);
}

// The user of the tab to which `command` gives commands.
function userOf(command) {
  const user = {
    command,

    // Rules that answer in the user's place: [{ requester, target, answer }]. With null somebody is there: each question waits
    // for answer().
    setAnswers: (rules) => user.command("set_answers", { rules }),
    // All answers are this one.
    alwaysAnswer: (answer) => user.setAnswers([{ requester: "*", target: "*", answer }]),

    // The questions of this tab, the one that is shown first: [{ id, revision, state ("chip" or "open"), local, step, requester,
    // hosts, action ("read" or "send-and-read"), choices, requests: [{ method, url, headers, body_size, state }], armed, waiting }]
    questions: () => user.command("questions"),
    openChip: () => user.command("open_chip"),
    // The question as it is now is in view for so long, in the window that has the focus or in one that has not.
    look: (ms = LOOK, focused = true) => user.command("look", { ms, focused }),
    // "once", "visit", "always", "not-now" or "never", to what was last in view: { accepted, why }
    answer: (choice) => user.command("answer", { choice }),
    // The second step of a question about the local network: { accepted, why }
    confirm: () => user.command("confirm"),
    // A person's input in the page.
    input: () => user.command("input"),
    advance: (ms) => user.command("advance", { ms }),

    // { grants, denials, opt_outs, embargoes }
    permissions: () => user.command("permissions"),
    revoke: (parameters) => user.command("revoke", parameters),
    revokeAll: () => user.command("revoke_all"),
    reset: (requester, target) => user.command("reset", { requester, target }),
    // What was read, the newest first.
    ledger: () => user.command("ledger"),

    // The text of an administrator's policy, or null.
    setPolicy: (text) => user.command("set_policy", { text }),
    setPreference: (name, value) => user.command("set_preference", { name, value }),
    block: (entry) => user.command("block", { entry }),
    unblock: (entry) => user.command("unblock", { entry }),
    setAddressSpaces: (overrides) => user.command("set_address_spaces", { overrides }),
    networkChanged: () => user.command("network_changed"),

    // Everything is as when the browser was started.
    clear: () => user.command("clear"),

    // Waits until what is shown first is a question that fits.
    async question(t, fits = () => true) {
      const end = performance.now() + PATIENCE;
      for (;;) {
        const [question] = await user.questions();
        if (question && fits(question)) {
          return question;
        }
        if (performance.now() > end) {
          assert_unreached(`no such question; what is shown: ${JSON.stringify(question)}`);
        }
        await new Promise((resolve) => t.step_timeout(resolve, 10));
      }
    },

    // Waits for a question, opens it, looks at it, and answers. Returns the question.
    async decide(t, choice, fits) {
      let question = await user.question(t, fits);
      if (question.state === "chip") {
        await user.openChip();
        [question] = await user.questions();
      }
      await user.look();
      const { accepted, why } = await user.answer(choice);
      assert_true(accepted, `the answer "${choice}" is taken: ${why}`);
      return question;
    },

    // The text of a policy that says this.
    policy: (says) => user.setPolicy(JSON.stringify({ policies: { UserEnabledCORS: says } })),

    // Makes a request that has to lead to a question, answers that, and returns what fetch() does.
    async fetch(t, choice, url, init) {
      const promise = fetch(url, init);
      // If there is no question it is decide() that tells.
      promise.catch(() => {});
      await user.decide(t, choice);
      return promise;
    },

    // Makes a request that has to lead to a question, and declines that. Returns the question.
    async assertAsked(t, url, init) {
      const promise = fetch(url, init);
      promise.catch(() => {});
      const question = await user.decide(t, "not-now");
      await promise_rejects_js(t, TypeError, promise);
      // So that others may ask.
      await user.input();
      return question;
    },

    // Makes a request that has to fail without a question.
    async assertRefused(t, url, init) {
      await promise_rejects_js(t, TypeError, fetch(url, init));
      await user.assertNotAsked();
    },

    // Makes a request that has to be read without a question. Returns its text.
    async assertRead(url, init) {
      const text = await (await fetch(url, init)).text();
      await user.assertNotAsked();
      return text;
    },

    // A request for which nobody is asked: it has to fail, or to end in another way, without a question.
    async assertNotAsked() {
      assert_array_equals(await user.questions(), [], "nobody is asked");
    },
  };
  return user;
}

const user = userOf(commandHere);

// A promise_test in which somebody is there to answer, and nothing was answered, remembered or set before. It leaves nothing.
function user_test(func, name) {
  promise_test(async (t) => {
    await user.clear();
    t.add_cleanup(() => user.clear());
    await user.setAnswers(null);
    await func(t);
  }, name);
}

// A promise_test in which all questions are answered like this.
function answered_test(answer, func, name) {
  user_test(async (t) => {
    await user.alwaysAnswer(answer);
    await func(t);
  }, name);
}
