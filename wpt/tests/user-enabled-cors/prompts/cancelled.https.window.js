// META: title=User-enabled CORS: requests that are cancelled while the user thinks
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const TARGET = ANSWERS.once;

async function cancelled(t, url, init) {
  const controller = new AbortController();
  const promise = fetch(url, { ...init, signal: controller.signal });
  await user.question(t);
  controller.abort();
  await promise_rejects_dom(t, "AbortError", promise);
  return user.question(t, (question) => question.requests[0].state === "cancelled");
}

user_test(async (t) => {
  const question = await cancelled(t, respond(TARGET));
  assert_equals(question.requests.length, 1, "it stays listed");
  assert_false(question.choices.includes("once"), "there is nothing to allow once");
  for (const choice of ["visit", "always", "not-now", "never"]) {
    assert_true(question.choices.includes(choice), choice);
  }
}, "The question stays, without Allow once");

for (const choice of ["visit", "always"]) {
  user_test(async (t) => {
    await cancelled(t, respond(TARGET));
    await user.decide(t, choice);
    await user.assertRead(respond(TARGET));
  }, `It is answered for later: ${choice}`);
}

user_test(async (t) => {
  await cancelled(t, respond(TARGET));
  await user.decide(t, "never");
  await user.assertRefused(t, respond(TARGET));
}, "It is answered for later: never");

user_test(async (t) => {
  await cancelled(t, respond(TARGET));
  await user.openChip();
  await user.look();
  assert_false((await user.answer("once")).accepted);
  assert_equals((await user.questions()).length, 1);
}, "Once is not taken");

user_test(async (t) => {
  await user.input();
  const controller = new AbortController();
  const promise = fetch(respond(TARGET), { signal: controller.signal });
  await user.question(t);
  await user.look();
  controller.abort();
  await promise_rejects_dom(t, "AbortError", promise);
  await user.question(t, (question) => question.requests[0].state === "cancelled");
  assert_false((await user.answer("visit")).accepted, "what is shown has changed");
  await user.look();
  assert_true((await user.answer("visit")).accepted);
}, "That it was cancelled is a change");

user_test(async (t) => {
  await cancelled(t, respond(TARGET));
  const second = fetch(respond(TARGET, { body: "text" }));
  const question = await user.question(t, (now) => now.requests.length === 2);
  assert_true(question.choices.includes("once"));
  await user.decide(t, "once");
  assert_equals(await (await second).text(), "text");
}, "Another that joins may be allowed once");

user_test(async (t) => {
  await cancelled(t, respond(TARGET));
  await user.advance(120000);
  await user.assertNotAsked();
}, "It ends after 120 s all the same");

user_test(async (t) => {
  const token = newToken();
  await cancelled(t, respond(TARGET, { token }), { method: "PUT", body: "x" });
  await user.decide(t, "visit");
  assert_array_equals((await seen(token)).map((record) => record.method), ["OPTIONS"]);
}, "What was cancelled is never sent");
