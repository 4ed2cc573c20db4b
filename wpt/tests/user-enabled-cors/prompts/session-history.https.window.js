// META: title=User-enabled CORS: entries of the session history
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js
// META: script=/user-enabled-cors/resources/other-tab.js

const TARGET = ANSWERS.once;

const pushState = (url) => history.pushState(null, "", url);
const replaceState = (url) => history.replaceState(null, "", url);
const navigateToFragment = () => void (location.hash = "fragment");

// What a page under another URL of its origin has asked for, and the response of its own server.
async function begin(page, t) {
  const question = page.fetch(respond(TARGET));
  await page.user.question(t);
  const gate = newToken();
  return { question, gate, own: page.fetch(respond(TEST_ORIGIN, { hold: gate })) };
}

// Both go on.
async function assertGoesOn(page, t, { question, gate, own }) {
  await page.user.decide(t, "once");
  assert_equals(await question, 200, "what was asked for");
  await release(gate);
  assert_equals(await own, 200, "what needs nobody");
}

for (const [title, take] of [
  ["history.pushState()", pushState],
  ["history.replaceState()", replaceState],
]) {
  user_test(async (t) => {
    const before = await openTab(t);
    const page = await before.goOn(t);
    const begun = await begin(page, t);
    await page.run(take, before.page());
    await assertGoesOn(page, t, begun);
  }, `A page that takes the URL of the page before it by ${title} is no other page`);

  user_test(async (t) => {
    const page = await openTab(t);
    const after = await page.goOn(t);
    await after.go(t, -1, page);
    const begun = await begin(page, t);
    await page.run(take, after.page());
    await assertGoesOn(page, t, begun);
  }, `Nor is one that takes the URL of the page after it by ${title}`);
}

user_test(async (t) => {
  const before = await openTab(t);
  const page = await before.goOn(t);
  await page.run(pushState, before.page());
  const begun = await begin(page, t);
  await page.run(navigateToFragment);
  await page.run(pushState, page.page());
  await assertGoesOn(page, t, begun);
}, "Nor is one that goes on from that URL");

user_test(async (t) => {
  const before = await openTab(t);
  const page = await before.goOn(t);
  const after = await page.goOn(t);
  await after.go(t, -2, before);
  const begun = await begin(before, t);
  await before.run(pushState, page.page());
  await assertGoesOn(before, t, begun);
}, "Nor is one that takes the place of two pages after it");

user_test(async (t) => {
  const page = await openTab(t);
  await page.run(pushState, "?another");
  const begun = await begin(page, t);
  await page.run(() => history.back());
  await assertGoesOn(page, t, begun);
}, "Nor is one that goes back within itself");

for (const [title, change] of [
  ["", () => {}],
  [" that has another URL by now", () => history.pushState(null, "", "?another")],
]) {
  user_test(async (t) => {
    const before = await openTab(t);
    await before.run(change);
    const page = await before.goOn(t);
    const ends = newToken();
    page.fetch(respond(TEST_ORIGIN, { "hold-body": newToken(), ends, body: "abcd" }));
    page.fetch(respond(TARGET));
    await page.user.question(t);
    await page.go(t, -1, before);
    assert_array_equals(await before.user.questions(), [], "the question has ended");
    assert_false(await endOf(t, ends), "the response that was on its way has ended");
    const promise = before.fetch(respond(TARGET));
    await before.user.decide(t, "once");
    assert_equals(await promise, 200);
  }, `Going back to a page${title} ends what the page after it has asked for`);
}

user_test(async (t) => {
  const page = await openTab(t);
  const after = await page.goOn(t);
  await after.run(pushState, page.page());
  await after.go(t, -2, page);
  page.fetch(respond(TARGET));
  await page.user.question(t);
  await page.go(t, 2, after);
  assert_array_equals(await after.user.questions(), [], "the question has ended");
}, "So does going forward to a page that has taken this one's URL");
