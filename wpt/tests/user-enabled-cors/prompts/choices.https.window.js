// META: title=User-enabled CORS: the answers that a question offers
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const TARGET = ANSWERS.once;
const PUBLIC = ["once", "visit", "always", "not-now", "never"];
const NOT_FOR_GOOD = ["once", "visit", "not-now", "never"];

for (const [title, init, expected] of [
  ["GET", {}, PUBLIC],
  ["HEAD", { method: "HEAD" }, PUBLIC],
  ["POST", { method: "POST", body: "x" }, PUBLIC],
  ["POST with JSON", { method: "POST", body: "{}", headers: { "Content-Type": "application/json" } }, PUBLIC],
  ["GET with a header field", { headers: { "X-Custom": "1" } }, PUBLIC],
  ["PUT", { method: "PUT" }, NOT_FOR_GOOD],
  ["PATCH", { method: "PATCH" }, NOT_FOR_GOOD],
  ["DELETE", { method: "DELETE" }, NOT_FOR_GOOD],
]) {
  user_test(async (t) => {
    const question = await user.assertAsked(t, respond(TARGET), init);
    assert_array_equals([...question.choices].sort(), [...expected].sort());
  }, `Offered: ${title}`);

  for (const choice of expected) {
    user_test(async (t) => {
      const promise = fetch(respond(TARGET), init);
      await user.decide(t, choice);
      if (choice.startsWith("n")) {
        await rejects(t, promise);
      } else {
        assert_equals((await promise).status, 200);
      }
    }, `Taken: ${choice}, to ${title}`);
  }
}

for (const method of ["PUT", "PATCH", "DELETE"]) {
  user_test(async (t) => {
    await user.input();
    const promise = fetch(respond(TARGET), { method });
    await user.question(t);
    await user.look();
    assert_false((await user.answer("always")).accepted);
    assert_equals((await user.questions()).length, 1, "the question is still there");
    await user.decide(t, "not-now");
    await rejects(t, promise);
    assert_array_equals((await user.permissions()).grants, []);
  }, `Not taken: always, to ${method}`);

  answered_test("always", async () => {
    await fetch(respond(TARGET), { method });
    const { grants } = await user.permissions();
    assert_array_equals(grants.map((grant) => grant.scope), ["visit"]);
  }, `A rule that allows ${method} always allows it for this visit`);
}
