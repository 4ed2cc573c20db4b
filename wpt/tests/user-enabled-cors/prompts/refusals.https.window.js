// META: title=User-enabled CORS: what follows from Not now
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js
// META: script=/user-enabled-cors/resources/other-tab.js

const TARGET = ANSWERS.once;
const [MINUTE, DAY] = [60 * 1000, 24 * 3600 * 1000];

async function notNow(t, url = respond(TARGET)) {
  await user.input();
  await rejects(t, user.fetch(t, "not-now", url));
}

user_test(async (t) => {
  await rejects(t, user.fetch(t, "not-now", respond(TARGET)));
  await user.assertRefused(t, respond(TARGET));
  await user.assertRefused(t, respond(ONCE_TOO));
  await user.assertRefused(t, respond(TARGET), { method: "PUT" });
  await user.advance(23 * 3600 * 1000);
  await user.assertRefused(t, respond(TARGET));
  await user.input();
  await user.fetch(t, "once", respond(TARGET));
}, "After one, a page asks again only when there was input");

user_test(async (t) => {
  await user.input();
  await rejects(t, user.fetch(t, "not-now", respond(TARGET)));
  await user.assertRefused(t, respond(TARGET));
}, "Input that was before it does not count");

user_test(async (t) => {
  await rejects(t, user.fetch(t, "never", respond(TARGET)));
  await user.assertRefused(t, respond(ONCE_TOO));
  await user.input();
  await user.fetch(t, "once", respond(ONCE_TOO));
}, "After a Never, too, a page asks about another server only when there was input");

user_test(async (t) => {
  await user.fetch(t, "visit", respond(ONCE_TOO));
  await rejects(t, user.fetch(t, "not-now", respond(TARGET)));
  await user.assertRead(respond(ONCE_TOO));
}, "What was allowed stays allowed");

user_test(async (t) => {
  await rejects(t, user.fetch(t, "not-now", respond(TARGET)));
  const { denials, embargoes } = await user.permissions();
  assert_array_equals(denials, []);
  assert_array_equals(embargoes, []);
}, "One is no denial and no embargo");

user_test(async (t) => {
  await notNow(t);
  await notNow(t);
  assert_array_equals((await user.permissions()).embargoes, []);
  await notNow(t);
  const { embargoes } = await user.permissions();
  assert_equals(embargoes.length, 1);
  assert_equals(embargoes[0].requester, TEST_ORIGIN);
  await user.input();
  await user.assertRefused(t, respond(TARGET));
  await user.assertRefused(t, respond(ANSWERS.visit));
  await user.assertRefused(t, respond(TARGET), { method: "PUT" });
}, "Three in a day and a page asks no more, for anything");

user_test(async (t) => {
  for (const target of [TARGET, ONCE_TOO, ANSWERS.visit]) {
    await notNow(t, respond(target));
  }
  assert_equals((await user.permissions()).embargoes.length, 1);
}, "Whatever it asked for");

user_test(async (t) => {
  for (let count = 0; count < 3; count++) {
    await notNow(t);
  }
  await user.input();
  await user.advance(7 * DAY - 1);
  await user.assertRefused(t, respond(TARGET));
  await user.advance(1);
  assert_array_equals((await user.permissions()).embargoes, []);
  await user.fetch(t, "once", respond(TARGET));
}, "For seven days");

user_test(async (t) => {
  await notNow(t);
  await notNow(t);
  await user.advance(DAY);
  await notNow(t);
  assert_array_equals((await user.permissions()).embargoes, []);
  await notNow(t);
  assert_array_equals((await user.permissions()).embargoes, []);
  await notNow(t);
  assert_equals((await user.permissions()).embargoes.length, 1);
}, "Three in more than a day are no embargo");

user_test(async (t) => {
  await notNow(t);
  await user.advance(12 * 3600 * 1000);
  await notNow(t);
  await user.advance(12 * 3600 * 1000 - 10 * MINUTE);
  await notNow(t);
  assert_equals((await user.permissions()).embargoes.length, 1);
}, "Three within one day are, even if it is two by the calendar");

user_test(async (t) => {
  await user.fetch(t, "visit", respond(ONCE_TOO));
  for (let count = 0; count < 3; count++) {
    await notNow(t);
  }
  await user.assertRead(respond(ONCE_TOO));
}, "What was allowed stays allowed under an embargo");

user_test(async (t) => {
  for (let count = 0; count < 3; count++) {
    await notNow(t);
  }
  const tab = await openTab(t);
  await tab.user.input();
  assert_equals(await tab.fetch(respond(TARGET)), "TypeError");
  assert_array_equals(await tab.user.questions(), []);
}, "An embargo holds in other tabs");

user_test(async (t) => {
  await rejects(t, user.fetch(t, "not-now", respond(TARGET)));
  const tab = await openTab(t);
  const promise = tab.fetch(respond(TARGET));
  await tab.user.decide(t, "once");
  assert_equals(await promise, 200);
}, "One Not now is one in this tab");

for (const [title, choice] of [["Never", "never"], ["Allow once", "once"]]) {
  user_test(async (t) => {
    for (const target of [TARGET, ONCE_TOO, ANSWERS.visit, ANSWERS.never]) {
      await user.input();
      await user.fetch(t, choice, respond(target)).catch(() => {});
    }
    await user.input();
    assert_array_equals((await user.permissions()).embargoes, []);
    await user.fetch(t, "once", respond(ANSWERS.notNow));
  }, `${title} is no Not now`);
}

user_test(async (t) => {
  for (let count = 0; count < 4; count++) {
    const promise = fetch(respond(TARGET));
    await user.question(t);
    await user.advance(120001);
    await rejects(t, promise);
  }
  assert_array_equals((await user.permissions()).embargoes, []);
  await user.fetch(t, "once", respond(TARGET));
}, "No answer is no Not now");

answered_test("not-now", async (t) => {
  for (let count = 0; count < 4; count++) {
    await rejects(t, fetch(respond(TARGET)));
  }
  assert_array_equals((await user.permissions()).embargoes, []);
  await user.alwaysAnswer("once");
  await fetch(respond(TARGET));
}, "A rule's Not now is nobody's click");
