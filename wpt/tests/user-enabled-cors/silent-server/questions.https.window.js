// META: title=User-enabled CORS: what the user is asked
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const TARGET = ANSWERS.once;

for (const [title, init, action] of [
  ["a simple request", {}, "read"],
  ["HEAD", { method: "HEAD" }, "read"],
  ["a POST", { method: "POST", body: "12345" }, "send-and-read"],
  ["a PUT", { method: "PUT", body: "12345" }, "send-and-read"],
  ["a DELETE", { method: "DELETE" }, "send-and-read"],
]) {
  user_test(async (t) => {
    const url = respond(TARGET, { body: "text" });
    const promise = fetch(url, init);
    const question = await user.decide(t, "once");
    assert_equals(question.requester, TEST_ORIGIN);
    assert_true(JSON.stringify(question.hosts).includes(new URL(TARGET).hostname));
    assert_equals(question.action, action);
    assert_equals(question.local, false);
    assert_equals(question.requests.length, 1);
    const [request] = question.requests;
    assert_equals(request.method, init.method || "GET");
    assert_equals(request.url, url);
    if (init.body) {
      assert_equals(request.body_size, 5);
    }
    await promise;
  }, `It says what will be done: ${title}`);
}

user_test(async (t) => {
  const promise = fetch(respond(TARGET), { headers: { "X-Api-Key": "secret-value", Authorization: "Bearer secret-value" } });
  const question = await user.decide(t, "once");
  const text = JSON.stringify(question).toLowerCase();
  assert_true(text.includes("x-api-key") && text.includes("authorization"));
  assert_false(text.includes("secret-value"), "values are never shown");
  await promise;
}, "It names the header fields that the page set, and not their values");

for (const [choice, isRead, isAskedAgain] of [["once", true, true], ["visit", true, false], ["always", true, false], ["not-now", false, null], ["never", false, false]]) {
  user_test(async (t) => {
    await user.input();
    const first = fetch(respond(TARGET, { body: "text" }));
    await user.decide(t, choice);
    if (isRead) {
      assert_equals(await (await first).text(), "text");
    } else {
      await rejects(t, first);
    }
    if (isAskedAgain === null) {
      return;
    }
    const second = fetch(respond(TARGET));
    if (isAskedAgain) {
      await user.decide(t, "not-now");
      await rejects(t, second);
    } else {
      await (isRead ? second : rejects(t, second));
      await user.assertNotAsked();
    }
  }, `The answer ${choice}`);
}

user_test(async (t) => {
  const first = fetch(respond(TARGET));
  await user.decide(t, "visit");
  await first;
  const second = fetch(respond(TARGET), { method: "PUT" });
  const question = await user.decide(t, "visit");
  assert_equals(question.action, "send-and-read");
  await second;
  const third = fetch(respond(TARGET), { method: "PUT", headers: { "X-Custom": "1" } });
  await user.decide(t, "not-now");
  await rejects(t, third);
}, "A permission is for the methods and header fields that were shown");

user_test(async (t) => {
  const url = respond(TARGET, { body: "text", status: 203 });
  const promise = fetch(url);
  await user.decide(t, "once");
  await (await promise).text();
  await eventually(t, async () => (await user.ledger()).length > 0, "it is on record");
  const entries = await user.ledger();
  assert_equals(entries.length, 1);
  const text = JSON.stringify(entries[0]);
  assert_true(text.includes("GET") && text.includes("203") && text.includes("/user-enabled-cors/resources/respond.py"));
  assert_false(text.includes("body=text"), "the query is not");
}, "What was read is on record, without its query");

user_test(async (t) => {
  const promise = fetch(respond(TARGET));
  await user.decide(t, "not-now");
  await rejects(t, promise);
  assert_array_equals(await user.ledger(), []);
}, "What was declined is not");
