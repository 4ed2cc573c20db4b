// META: title=User-enabled CORS: audio and video
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js
// META: script=/user-enabled-cors/resources/media.js

const TARGET = ANSWERS.once;
const KINDS = [["video", FILM], ["audio", SOUND]];

for (const [kind, name] of KINDS) {
  for (const choice of ["once", "visit", "always"]) {
    user_test(async (t) => {
      const loading = loadMedia(t, kind, file(TARGET, name));
      const question = await user.decide(t, choice);
      assert_equals(question.action, "read");
      const element = await loading;
      assert_not_equals(element, null, "it plays");
      assert_greater_than(element.duration, 0);
    }, `Allowed: ${kind}, ${choice}`);
  }

  for (const choice of ["not-now", "never"]) {
    user_test(async (t) => {
      const loading = loadMedia(t, kind, file(TARGET, name));
      await user.decide(t, choice);
      assert_equals(await loading, null);
    }, `Declined: ${kind}, ${choice}`);
  }

  user_test(async (t) => {
    assert_not_equals(await loadMedia(t, kind, file(TARGET, name), null), null);
    await user.assertNotAsked();
  }, `Without a CORS setting it plays, and nobody is asked: ${kind}`);

  user_test(async (t) => {
    assert_equals(await loadMedia(t, kind, file(TARGET, name), "use-credentials"), null);
    await user.assertNotAsked();
  }, `With credentials nobody is asked: ${kind}`);

  user_test(async (t) => {
    assert_not_equals(await loadMedia(t, kind, file(TARGET, name, "Access-Control-Allow-Origin,*")), null);
    await user.assertNotAsked();
  }, `Who allows it is not asked about: ${kind}`);

  user_test(async (t) => {
    assert_equals(await loadMedia(t, kind, file(TARGET, name, "Access-Control-Prevent-Origin,*")), null);
    assert_equals(await loadMedia(t, kind, file(TARGET, name, `Access-Control-Allow-Origin,${OTHER_ORIGIN}`)), null);
    assert_equals(await loadMedia(t, kind, file(LOCAL, name)), null);
    await user.assertNotAsked();
  }, `Nor is who said no, or who is not public: ${kind}`);

  user_test(async (t) => {
    const loading = loadMedia(t, kind, file(TARGET, name));
    await user.decide(t, "once");
    const element = await loading;
    const again = new Promise((resolve) => (element.onloadeddata = element.onerror = (event) => resolve(event.type)));
    element.load();
    assert_equals(await again, "loadeddata");
    await user.assertNotAsked();
  }, `Once is for all that one element asks of its file: ${kind}`);

  user_test(async (t) => {
    const url = file(TARGET, name);
    const loading = loadMedia(t, kind, url);
    await user.decide(t, "once");
    await loading;
    const second = loadMedia(t, kind, file(TARGET, name));
    await user.decide(t, "not-now");
    assert_equals(await second, null);
  }, `Once is not for another file: ${kind}`);

  user_test(async (t) => {
    await user.fetch(t, "visit", respond(TARGET));
    assert_not_equals(await loadMedia(t, kind, file(TARGET, name)), null);
    await user.assertNotAsked();
  }, `What fetch() was allowed it is: ${kind}`);
}

answered_test("once", async (t) => {
  const video = await loadMedia(t, "video", file(TARGET, FILM));
  assert_equals(video.videoWidth, 32);
  assert_greenish(pixelOf(video));
}, "An allowed film taints no canvas");

answered_test("once", async (t) => {
  const video = await loadMedia(t, "video", file(TARGET, FILM), null);
  assert_throws_dom("SecurityError", () => pixelOf(video));
}, "One without a CORS setting does");

answered_test("once", async (t) => {
  const video = await loadMedia(t, "video", file(TARGET, FILM, "Access-Control-Allow-Origin,*"));
  assert_greenish(pixelOf(video));
}, "One that its server allows does not");
