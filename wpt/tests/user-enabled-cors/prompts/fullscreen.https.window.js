// META: title=User-enabled CORS: no question behind a page that fills the screen
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const TARGET = ANSWERS.once;
const ALL = document.documentElement;

const fillScreen = () => test_driver.bless("fill the screen", () => ALL.requestFullscreen());
const isLeft = (t) => eventually(t, () => document.fullscreenElement === null, "fullscreen is left");

// A test in which the page fills the screen at first.
function fullscreen_test(func, name) {
  user_test(async (t) => {
    t.add_cleanup(() => document.exitFullscreen().catch(() => {}));
    await fillScreen();
    assert_equals(document.fullscreenElement, ALL, "it fills the screen");
    await func(t);
  }, name);
}

fullscreen_test(async () => {
  await fetch(respond(TARGET, { header: ALLOW_ALL }));
  assert_equals(document.fullscreenElement, ALL);
}, "It goes on where nobody has to be asked");

for (const method of ["GET", "PUT"]) {
  fullscreen_test(async (t) => {
    const promise = fetch(respond(TARGET), { method });
    await user.question(t);
    await isLeft(t);
    await user.decide(t, "once");
    assert_equals((await promise).status, 200);
  }, `A question ends it: ${method}`);
}

fullscreen_test(async (t) => {
  await user.setPreference("user_cors.local_network", "warn");
  const promise = rejects(t, fetch(respond(LOCAL)));
  await user.question(t);
  await isLeft(t);
  await user.decide(t, "not-now");
  await promise;
}, "So does one about the local network");

user_test(async (t) => {
  const promise = fetch(respond(TARGET));
  await user.question(t);
  // It may be refused at once, or be over in a moment.
  await fillScreen().catch(() => {});
  await isLeft(t);
  assert_equals((await user.question(t)).state, "open", "the click was input");
  await user.decide(t, "once");
  assert_equals((await promise).status, 200);
}, "It does not begin while there is a question");
