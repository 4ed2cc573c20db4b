// META: title=User-enabled CORS: how questions end
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js
// META: script=/user-enabled-cors/resources/other-tab.js

const TARGET = ANSWERS.once;

user_test(async (t) => {
  const promise = fetch(respond(TARGET));
  await user.question(t);
  await user.advance(119999);
  await user.decide(t, "once").then(() => assert_unreached("a look takes time"), () => {});
  await rejects(t, promise);
  await user.assertNotAsked();
}, "After 120 s, also while it is looked at");

user_test(async (t) => {
  const promise = fetch(respond(TARGET, { body: "text" }));
  await user.question(t);
  await user.advance(119299);
  await user.decide(t, "once");
  assert_equals(await (await promise).text(), "text");
}, "An answer in time counts");

user_test(async (t) => {
  const promise = fetch(respond(TARGET));
  await user.question(t);
  await user.advance(120000);
  await rejects(t, promise);
  assert_false((await user.answer("once")).accepted);
  assert_array_equals((await user.permissions()).grants, []);
}, "An answer that comes later does not");

user_test(async (t) => {
  const promise = fetch(respond(TARGET));
  await user.question(t);
  await user.advance(60000);
  const second = fetch(respond(ONCE_TOO));
  await user.question(t, (question) => question.requests.length === 2);
  await user.advance(60000);
  await Promise.all([rejects(t, promise), rejects(t, second)]);
}, "One that joins gives it no more time");

user_test(async (t) => {
  const promise = fetch(respond(TARGET));
  await user.question(t);
  await user.advance(120000);
  await rejects(t, promise);
  await user.fetch(t, "once", respond(TARGET));
}, "When its time is over, the page may ask again");

for (const [title, leave] of [
  ["is loaded again", (t, tab) => tab.reload(t)],
  ["navigates within its site and comes back", (t, tab) => tab.leaveAndReturn(t, TEST_ORIGIN)],
  ["navigates to another site and comes back", (t, tab) => tab.leaveAndReturn(t, ANSWERS.never)],
]) {
  user_test(async (t) => {
    const tab = await openTab(t);
    for (let count = 0; count < 4; count++) {
      tab.fetch(respond(TARGET));
      const question = await tab.user.question(t);
      assert_equals(question.requests.length, 1);
      await leave(t, tab);
      assert_array_equals(await tab.user.questions(), [], "it has ended");
    }
    const { grants, denials, embargoes } = await user.permissions();
    assert_array_equals([...grants, ...denials, ...embargoes], [], "and was no refusal");
    const promise = tab.fetch(respond(TARGET));
    await tab.user.decide(t, "once");
    assert_equals(await promise, 200);
  }, `When the page ${title}`);
}

user_test(async (t) => {
  for (let count = 0; count < 4; count++) {
    const tab = await openTab(t);
    tab.fetch(respond(TARGET));
    await tab.user.question(t);
    await tab.close(t);
  }
  const { grants, denials, embargoes } = await user.permissions();
  assert_array_equals([...grants, ...denials, ...embargoes], [], "it was no refusal");
  await user.fetch(t, "once", respond(TARGET));
}, "When the tab is closed");

user_test(async (t) => {
  const tab = await openTab(t);
  const token = newToken();
  tab.fetch(respond(TARGET, { token }), { method: "PUT" });
  await tab.user.question(t);
  await tab.close(t);
  await user.fetch(t, "visit", respond(TARGET), { method: "PUT" });
  assert_array_equals((await seen(token)).map((record) => record.method), ["OPTIONS"], "nothing is sent for it");
}, "Nothing is sent for a tab that was closed");

user_test(async (t) => {
  const tab = await openTab(t);
  await tab.user.input();
  tab.fetch(respond(TARGET));
  assert_equals((await tab.user.question(t)).state, "open");
  await tab.reload(t);
  tab.fetch(respond(TARGET));
  assert_equals((await tab.user.question(t)).state, "chip");
}, "After a navigation the tab is quiet again");

user_test(async (t) => {
  const tab = await openTab(t);
  const own = fetch(respond(TARGET));
  await user.question(t);
  assert_array_equals(await tab.user.questions(), [], "it shows nothing of this tab");
  const theirs = tab.fetch(respond(TARGET));
  await tab.user.question(t);
  await user.decide(t, "not-now");
  await rejects(t, own);
  assert_equals((await tab.user.questions()).length, 1, "an answer is for the tab in which it was given");
  await tab.user.decide(t, "once");
  assert_equals(await theirs, 200);
}, "Each tab has questions of its own");

user_test(async (t) => {
  const tab = await openTab(t);
  const own = fetch(respond(TARGET));
  await user.question(t);
  const theirs = tab.fetch(respond(TARGET));
  await tab.user.question(t);
  await tab.user.decide(t, "always");
  assert_equals(await theirs, 200);
  assert_equals((await own).status, 200, "what is allowed for good answers the other question too");
  await user.assertNotAsked();
}, "An answer for good settles what waits in other tabs");

user_test(async (t) => {
  const tab = await openTab(t);
  const own = rejects(t, fetch(respond(TARGET)));
  await user.question(t);
  const theirs = tab.fetch(respond(TARGET));
  await tab.user.question(t);
  await tab.user.decide(t, "never");
  assert_equals(await theirs, "TypeError");
  await own;
  await user.assertNotAsked();
}, "So does Never");
