// META: title=User-enabled CORS: how long an answer holds
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js
// META: script=/user-enabled-cors/resources/other-tab.js

const TARGET = ANSWERS.once;
const DAY = 24 * 3600 * 1000;
const grantOf = async () => (await user.permissions()).grants[0];

user_test(async (t) => {
  const response = await user.fetch(t, "once", respond(TARGET));
  await response.text();
  await user.assertAsked(t, respond(TARGET));
}, "Once: the next request asks again");

user_test(async (t) => {
  await user.fetch(t, "once", respond(TARGET)).then((response) => response.text());
  await user.assertAsked(t, respond(TARGET), { method: "HEAD" });
}, "Once: another method too");

user_test(async (t) => {
  await user.fetch(t, "visit", respond(TARGET));
  assert_equals((await grantOf()).scope, "visit");
  await user.assertRead(respond(TARGET));
  await user.advance(300 * DAY);
  await user.assertRead(respond(TARGET));
}, "Visit: as long as the tab is at this site");

user_test(async (t) => {
  await user.fetch(t, "visit", respond(TARGET));
  const tab = await openTab(t);
  const promise = tab.fetch(respond(TARGET));
  await tab.user.decide(t, "once");
  assert_equals(await promise, 200);
}, "Visit: not in another tab, even one that this page opened");

user_test(async (t) => {
  const tab = await openTab(t);
  const promise = tab.fetch(respond(TARGET));
  await tab.user.decide(t, "visit");
  assert_equals(await promise, 200);
  await tab.reload(t);
  assert_equals(await tab.fetch(respond(TARGET)), 200);
  assert_array_equals(await tab.user.questions(), []);
}, "Visit: also for the next page of this site");

user_test(async (t) => {
  const tab = await openTab(t);
  const promise = tab.fetch(respond(TARGET));
  await tab.user.decide(t, "visit");
  await promise;
  assert_equals((await user.permissions()).grants.length, 1);
  await tab.leaveAndReturn(t, ANSWERS.never);
  const second = tab.fetch(respond(TARGET));
  await tab.user.decide(t, "once");
  assert_equals(await second, 200);
}, "Visit: not any more after the tab was at another site");

user_test(async (t) => {
  const tab = await openTab(t);
  const promise = tab.fetch(respond(TARGET));
  await tab.user.decide(t, "visit");
  await promise;
  await tab.leaveAndGoBack(t, ANSWERS.never);
  assert_array_equals((await user.permissions()).grants, []);
  const second = tab.fetch(respond(TARGET));
  await tab.user.decide(t, "once");
  assert_equals(await second, 200);
}, "Visit: going back does not bring it back");

user_test(async (t) => {
  const tab = await openTab(t);
  const promise = tab.fetch(respond(TARGET));
  await tab.user.decide(t, "visit");
  await promise;
  await tab.leaveAndGoBack(t, TEST_ORIGIN);
  assert_equals(await tab.fetch(respond(TARGET)), 200);
  assert_array_equals(await tab.user.questions(), []);
}, "Visit: going back within the site keeps it");

user_test(async (t) => {
  const tab = await openTab(t);
  const promise = tab.fetch(respond(TARGET));
  await tab.user.decide(t, "visit");
  await promise;
  await tab.close(t);
  await eventually(t, async () => (await user.permissions()).grants.length === 0, "it ends with the tab");
}, "Visit: it ends with the tab");

user_test(async (t) => {
  await user.fetch(t, "always", respond(TARGET));
  const grant = await grantOf();
  assert_equals(grant.scope, "always");
  assert_equals(grant.expires - grant.created, 30 * DAY);
  const tab = await openTab(t);
  assert_equals(await tab.fetch(respond(TARGET)), 200);
  assert_array_equals(await tab.user.questions(), []);
}, "Always: in every tab");

user_test(async (t) => {
  await user.fetch(t, "always", respond(TARGET));
  await user.advance(30 * DAY - 1);
  await user.assertRead(respond(TARGET));
}, "Always: for 30 days");

user_test(async (t) => {
  await user.fetch(t, "always", respond(TARGET));
  await user.advance(30 * DAY);
  assert_array_equals((await user.permissions()).grants, []);
  await user.assertAsked(t, respond(TARGET));
}, "Always: and not longer, if it is not used");

user_test(async (t) => {
  await user.fetch(t, "always", respond(TARGET));
  await user.advance(29 * DAY);
  await user.assertRead(respond(TARGET));
  await user.advance(29 * DAY);
  const grant = await grantOf();
  assert_equals(grant.expires - grant.created, 59 * DAY);
  await user.assertRead(respond(TARGET));
}, "Always: each use renews it");

user_test(async (t) => {
  await user.fetch(t, "always", respond(TARGET));
  await user.advance(29 * DAY);
  await rejects(t, fetch(respond(TARGET, { header: "Access-Control-Prevent-Origin:*" })));
  await rejects(t, fetch(respond(TARGET, { header: `Access-Control-Allow-Origin:${OTHER_ORIGIN}` })));
  await fetch(respond(TARGET, { header: ALLOW_ALL }));
  await user.advance(DAY);
  await user.assertAsked(t, respond(TARGET));
}, "Always: what was not read by it does not renew it");

user_test(async (t) => {
  await user.fetch(t, "always", respond(TARGET));
  for (let days = 0; days < 160; days += 20) {
    await user.advance(20 * DAY);
    await user.assertRead(respond(TARGET));
  }
  await user.advance(20 * DAY - 1);
  const grant = await grantOf();
  assert_equals(grant.expires - grant.created, 180 * DAY);
  await user.assertRead(respond(TARGET));
  await user.advance(1);
  await user.assertAsked(t, respond(TARGET));
}, "Always: 180 days at most");

user_test(async (t) => {
  await user.fetch(t, "always", respond(TARGET));
  await user.advance(30 * DAY);
  await user.fetch(t, "always", respond(TARGET));
  const grant = await grantOf();
  assert_equals(grant.expires - grant.created, 30 * DAY);
  await user.assertRead(respond(TARGET));
}, "Always: it can be given again");

user_test(async (t) => {
  await rejects(t, user.fetch(t, "never", respond(TARGET)));
  await user.advance(3650 * DAY);
  await user.input();
  await user.assertRefused(t, respond(TARGET));
}, "Never: without an end");

user_test(async (t) => {
  await rejects(t, user.fetch(t, "never", respond(TARGET)));
  await user.reset(TEST_ORIGIN, TARGET);
  await user.input();
  await user.fetch(t, "once", respond(TARGET));
}, "Never: until the user takes it back");

user_test(async (t) => {
  await rejects(t, user.fetch(t, "never", respond(TARGET)));
  const tab = await openTab(t);
  assert_equals(await tab.fetch(respond(TARGET)), "TypeError");
  assert_array_equals(await tab.user.questions(), []);
}, "Never: in every tab");
