// META: title=User-enabled CORS: text tracks
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js
// META: script=/user-enabled-cors/resources/media.js

const TARGET = ANSWERS.once;

// Loads a track of a video with this CORS setting. Returns its cues' texts, or null.
function loadTrack(t, src, crossOrigin = "anonymous") {
  const video = document.createElement("video");
  if (crossOrigin !== null) {
    video.crossOrigin = crossOrigin;
  }
  const track = document.createElement("track");
  track.default = true;
  track.kind = "subtitles";
  t.add_cleanup(() => video.remove());
  return new Promise((resolve) => {
    track.onload = () => resolve(Array.from(track.track.cues || [], (cue) => cue.text));
    track.onerror = () => resolve(null);
    track.src = src;
    video.append(track);
    document.body.append(video);
    track.track.mode = "showing";
  });
}

for (const choice of ["once", "visit", "always"]) {
  user_test(async (t) => {
    const loading = loadTrack(t, file(TARGET, CUES));
    await user.decide(t, choice);
    assert_array_equals(await loading, ["first", "second"]);
  }, `Allowed: ${choice}`);
}

for (const choice of ["not-now", "never"]) {
  user_test(async (t) => {
    const loading = loadTrack(t, file(TARGET, CUES));
    await user.decide(t, choice);
    assert_equals(await loading, null);
  }, `Declined: ${choice}`);
}

user_test(async (t) => {
  assert_equals(await loadTrack(t, file(TARGET, CUES), null), null);
  await user.assertNotAsked();
}, "Without a CORS setting it is not loaded, and nobody is asked");

user_test(async (t) => {
  assert_equals(await loadTrack(t, file(TARGET, CUES), "use-credentials"), null);
  await user.assertNotAsked();
}, "With credentials nobody is asked");

user_test(async (t) => {
  assert_array_equals(await loadTrack(t, file(TARGET, CUES, "Access-Control-Allow-Origin,*")), ["first", "second"]);
  await user.assertNotAsked();
}, "Who allows it is not asked about");
