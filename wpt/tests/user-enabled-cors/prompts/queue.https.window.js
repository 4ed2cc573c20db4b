// META: title=User-enabled CORS: questions of one tab are answered one after the other
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js
// META: script=/user-enabled-cors/resources/many-hosts.sub.js

// Requests of different sites, or networks, are different questions.
const TARGET = ANSWERS.once;
const warn = () => user.setPreference("user_cors.local_network", "warn");

user_test(async (t) => {
  const first = fetch(respond(TARGET, { body: "first" }));
  const before = await user.question(t);
  assert_equals(before.waiting, 0);
  const second = fetch(respond(SAME_SITE, { body: "second" }));
  const shown = await user.question(t, (question) => question.waiting === 1);
  assert_equals(shown.id, before.id, "what was there first stays");
  assert_equals(shown.revision, before.revision);
  await user.decide(t, "once");
  const next = await user.question(t);
  assert_array_equals(next.hosts, [SAME_SITE]);
  assert_equals(next.waiting, 0);
  await user.decide(t, "once");
  assert_equals(await (await first).text(), "first");
  assert_equals(await (await second).text(), "second");
  await user.assertNotAsked();
}, "Two questions, two answers");

user_test(async (t) => {
  const first = fetch(respond(TARGET));
  await user.question(t);
  const second = fetch(respond(SAME_SITE));
  await user.question(t, (question) => question.waiting === 1);
  await user.decide(t, "never");
  await rejects(t, first);
  await user.decide(t, "once");
  await second;
  const { denials } = await user.permissions();
  assert_array_equals(denials.map((denial) => denial.target), [TARGET]);
}, "An answer is for one of them");

user_test(async (t) => {
  await user.input();
  const first = fetch(respond(TARGET));
  await user.question(t);
  const second = fetch(respond(SAME_SITE));
  await user.question(t, (question) => question.waiting === 1);
  await user.look();
  assert_true((await user.answer("once")).accepted);
  assert_false((await user.answer("once")).accepted, "the second click of two");
  await first;
  assert_array_equals((await user.question(t)).hosts, [SAME_SITE], "it is still open");
  await user.look(699);
  assert_false((await user.answer("once")).accepted);
  await user.look(700);
  assert_true((await user.answer("once")).accepted);
  await second;
}, "A double click answers one");

user_test(async (t) => {
  await user.input();
  const first = fetch(respond(TARGET));
  await user.question(t);
  await user.look();
  const second = fetch(respond(SAME_SITE));
  await user.question(t, (question) => question.waiting === 1);
  assert_true((await user.answer("once")).accepted, "one that waits behind it changes nothing");
  await first;
  await user.decide(t, "once");
  await second;
}, "One that waits begins no wait of the first");

user_test(async (t) => {
  await warn();
  const waiting = [];
  for (const origin of [TARGET, SAME_SITE, LOCAL]) {
    waiting.push(fetch(respond(origin)));
    await user.question(t, (question) => question.waiting === waiting.length - 1);
  }
  await rejects(t, fetch(respond(SAME_SITE_LOCAL)));
  assert_equals((await user.questions())[0].waiting, 2);
  await user.decide(t, "not-now");
  await rejects(t, waiting[0]);
  await user.input();
  const fourth = fetch(respond(SAME_SITE_LOCAL));
  await user.question(t, (question) => question.waiting === 2);
  for (const promise of [waiting[1], waiting[2], fourth]) {
    await user.decide(t, "never");
    await rejects(t, promise);
  }
  await user.assertNotAsked();
}, "A document has three questions at most");

user_test(async (t) => {
  await warn();
  const waiting = [];
  for (const origin of [TARGET, SAME_SITE, LOCAL]) {
    waiting.push(fetch(respond(origin)));
    await user.question(t, (question) => question.waiting === waiting.length - 1);
  }
  const joining = fetch(respond(ONCE_TOO));
  await user.question(t, (question) => question.requests.length === 2);
  await user.decide(t, "once");
  await Promise.all([waiting[0], joining]);
  await user.decide(t, "once");
  await waiting[1];
  await user.decide(t, "not-now");
  await rejects(t, waiting[2]);
}, "Requests still join one of three");

user_test(async (t) => {
  const first = fetch(respond(TARGET));
  await user.question(t);
  const second = fetch(respond(SAME_SITE));
  await user.question(t, (question) => question.waiting === 1);
  await user.advance(120001);
  await Promise.all([rejects(t, first), rejects(t, second)]);
  await user.assertNotAsked();
}, "Time goes on for those that wait");
