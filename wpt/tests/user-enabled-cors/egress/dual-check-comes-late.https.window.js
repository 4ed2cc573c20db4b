// META: title=User-enabled CORS: a dual check that is switched on while something is under way
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js
// META: script=/user-enabled-cors/resources/egress.sub.js

// To compare answers is to send a request twice, which is for reads only, and it takes an egress to compare with.
const TARGET = ANSWERS.once;
// Without a body, so that nothing but the rule keeps it from being sent again.
const WRITE = { method: "DELETE" };
const methodsOf = async (token) => (await seen(token)).map((record) => record.method);

const WAYS = [
  ["by policy", (says) => user.policy({ ...says, DualCheck: true })],
  ["by preference", () => user.setPreference("user_cors.dual_check", true)],
];

for (const [what, says, init, sent] of [
  ["a write", { Egress: EGRESS }, WRITE, ["OPTIONS"]],
  ["a write without an egress", {}, WRITE, ["OPTIONS"]],
  ["a read without an egress", {}, {}, ["GET"]],
]) {
  for (const [how, switchOn] of WAYS) {
    user_test(async (t) => {
      await user.policy(says);
      const token = newToken();
      const promise = rejects(t, fetch(respond(TARGET, { token }), init));
      await user.question(t);
      await switchOn(says);
      await eventually(t, async () => (await user.questions()).length === 0, "the question ends");
      await promise;
      assert_array_equals(await methodsOf(token), sent);
    }, `A question about ${what} ends: ${how}`);

    user_test(async (t) => {
      await user.policy(says);
      await user.fetch(t, "visit", respond(TARGET), init);
      const [token, hold] = [newToken(), newToken()];
      const promise = rejects(t, fetch(respond(TARGET, { token, hold, body: "text" }), init));
      await eventually(t, async () => (await methodsOf(token)).includes(init.method ?? "GET"), "it was sent");
      await switchOn(says);
      await release(hold);
      await promise;
      assert_array_equals((await methodsOf(token)).filter((method) => method !== "OPTIONS"), [init.method ?? "GET"]);
    }, `What was sent is not sent once more: ${what}, ${how}`);
  }
}

for (const [how, switchOn] of WAYS) {
  user_test(async (t) => {
    await user.policy({ Egress: EGRESS });
    const promise = fetch(respond(TARGET, { body: "text" }));
    promise.catch(() => {});
    await user.question(t);
    await switchOn({ Egress: EGRESS });
    await user.decide(t, "once");
    assert_equals(await (await promise).text(), "text");
  }, `A question about a read through an egress goes on: ${how}`);
}
