// META: title=User-enabled CORS: races with a question
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js
// META: script=/user-enabled-cors/resources/many-hosts.sub.js
// META: script=/user-enabled-cors/resources/other-tab.js

const TARGET = ANSWERS.once;

async function begin(t, url = respond(TARGET, { body: "text" }), init) {
  await user.input();
  const promise = fetch(url, init).then((response) => response.text());
  const question = await user.question(t);
  return { promise, question };
}

user_test(async (t) => {
  const { promise } = await begin(t);
  await user.look(699);
  const second = fetch(respond(ONCE_TOO));
  await user.question(t, (question) => question.hosts.length === 2);
  await user.advance(1);
  assert_false((await user.answer("always")).accepted);
  assert_array_equals((await user.permissions()).grants, []);
  await user.decide(t, "once");
  await Promise.all([promise, second]);
}, "The content changes at 699 ms");

user_test(async (t) => {
  const { promise } = await begin(t);
  const second = fetch(respond(SAME_SITE));
  await user.question(t, (question) => question.waiting === 1);
  await user.look();
  assert_true((await user.answer("always")).accepted);
  assert_false((await user.answer("always")).accepted);
  assert_equals(await promise, "text");
  const { grants } = await user.permissions();
  assert_array_equals(grants.map((grant) => grant.target), [TARGET]);
  await user.decide(t, "not-now");
  await rejects(t, second);
}, "A double click over two questions");

user_test(async (t) => {
  const controller = new AbortController();
  const promise = fetch(respond(TARGET), { signal: controller.signal });
  await user.question(t);
  await user.openChip();
  await user.look(50);
  controller.abort();
  await promise_rejects_dom(t, "AbortError", promise);
  await user.question(t, (question) => question.requests[0].state === "cancelled");
  await user.look(650);
  assert_false((await user.answer("visit")).accepted);
  assert_array_equals((await user.permissions()).grants, []);
}, "An abort at 50 ms");

user_test(async (t) => {
  const ask = (count) => fetch(respond(MANY_ORIGINS[count % MANY_ORIGINS.length], { n: count })).then(() => true, () => false);
  const promises = [];
  // One of each first: those that fit into the question are then the same however fast each server answers.
  while (promises.length < MANY_ORIGINS.length) {
    promises.push(ask(promises.length));
  }
  await user.question(t, (question) => question.hosts.length === 16);
  while (promises.length < 500) {
    promises.push(ask(promises.length));
  }
  const shown = await user.question(t, (question) => question.requests.length === 64);
  assert_equals(shown.hosts.length, 16);
  await user.decide(t, "not-now");
  const results = await Promise.all(promises);
  assert_array_equals(results.filter((isRead) => isRead), []);
  assert_array_equals((await user.permissions()).grants, []);
}, "500 requests of many hosts");

user_test(async (t) => {
  const tab = await openTab(t);
  await tab.user.input();
  const token = newToken();
  tab.fetch(respond(TARGET, { token }), { method: "PUT" });
  await tab.user.question(t);
  await tab.user.look();
  await tab.reload(t);
  assert_false((await tab.user.answer("always")).accepted, "the click comes after the navigation");
  assert_array_equals((await user.permissions()).grants, []);
  assert_array_equals((await seen(token)).map((record) => record.method), ["OPTIONS"]);
}, "A navigation just before the click");

user_test(async (t) => {
  const { promise } = await begin(t);
  await user.look();
  await user.setPreference("user_cors.enabled", false);
  assert_false((await user.answer("always")).accepted);
  await rejects(t, promise);
  assert_array_equals((await user.permissions()).grants, []);
}, "The feature is switched off just before the click");

user_test(async (t) => {
  const { promise } = await begin(t, respond(TARGET, { body: "text" }), { headers: { "X-\u0041": "1" } });
  const put = { method: "PUT", headers: { "X-B": "1" } };
  await user.look(690);
  const second = fetch(respond(TARGET), put);
  await user.question(t, (question) => question.action === "send-and-read");
  await user.look(690);
  assert_false((await user.answer("visit")).accepted);
  await user.decide(t, "visit");
  assert_equals(await promise, "text");
  await second;
}, "Reading becomes sending while it is looked at");

for (const name of ["X-\u202e", "X-\u2066a", "X a", "X:a", "\u00e9"]) {
  user_test(async (t) => {
    assert_throws_js(TypeError, () => new Headers({ [name]: "1" }));
    await rejects(t, fetch(respond(TARGET), { headers: { [name]: "1" } }));
    await user.assertNotAsked();
  }, `A header field's name that would turn what is shown: ${escape(name)}`);
}

user_test(async (t) => {
  const { promise } = await begin(t);
  await user.look();
  await user.advance(119300);
  assert_false((await user.answer("always")).accepted, "its time is over");
  await rejects(t, promise);
  assert_array_equals((await user.permissions()).grants, []);
}, "A click when the time has just ended");
