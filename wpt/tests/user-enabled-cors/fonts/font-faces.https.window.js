// META: title=User-enabled CORS: fonts use permissions and never ask
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js
// META: script=/user-enabled-cors/resources/media.js

const TARGET = ANSWERS.once;

// Loads a font by script, and says whether that worked.
function load(url) {
  assert_implements_optional("FontFace" in self, "FontFace");
  return new FontFace("Wide", `url(${url})`).load().then(() => true, () => false);
}

// Loads a font by a style sheet, and says whether text has it.
async function loadByStyle(t, url, document = self.document) {
  const family = `family-${Date.now()}-${Math.random().toString().slice(2)}`;
  const style = document.createElement("style");
  style.textContent = `@font-face { font-family: ${family}; src: url(${url}); }`;
  const text = document.createElement("span");
  text.style.cssText = `font: 10px ${family}, monospace; position: absolute`;
  text.textContent = "xx";
  t.add_cleanup(() => {
    style.remove();
    text.remove();
  });
  document.body.append(style, text);
  // The letters are three times as wide as the font is high. To ask for their width begins to load the font.
  const isWide = () => text.offsetWidth === 60;
  if (isWide()) {
    return true;
  }
  await document.fonts.ready;
  return isWide();
}

const WAYS = [["FontFace", (t, url) => load(url)], ["@font-face", loadByStyle]];

for (const [way, loads] of WAYS) {
  user_test(async (t) => {
    assert_false(await loads(t, file(TARGET, FONT)));
    await user.assertNotAsked();
  }, `Nobody is asked: ${way}`);

  for (const choice of ["visit", "always"]) {
    user_test(async (t) => {
      await user.fetch(t, choice, respond(TARGET));
      assert_true(await loads(t, file(TARGET, FONT)));
      await user.assertNotAsked();
    }, `What was allowed for a while is loaded: ${way}, ${choice}`);
  }

  user_test(async (t) => {
    await user.fetch(t, "once", respond(TARGET)).then((response) => response.text());
    assert_false(await loads(t, file(TARGET, FONT)));
  }, `What was allowed once is not: ${way}`);

  user_test(async (t) => {
    await rejects(t, user.fetch(t, "never", respond(TARGET)));
    assert_false(await loads(t, file(TARGET, FONT)));
  }, `What is denied is not: ${way}`);

  user_test(async (t) => {
    await user.fetch(t, "visit", respond(TARGET), { method: "POST", body: "x" });
    assert_false(await loads(t, file(TARGET, FONT)), "it would be a GET");
  }, `What was allowed for another method is not: ${way}`);

  user_test(async (t) => {
    await user.fetch(t, "visit", respond(TARGET));
    await user.revokeAll();
    assert_false(await loads(t, file(TARGET, FONT)));
  }, `What was revoked is not: ${way}`);

  user_test(async (t) => {
    await user.policy({ AllowedPairs: [{ Requester: TEST_ORIGIN, Target: TARGET }] });
    assert_true(await loads(t, file(TARGET, FONT)));
  }, `What policy allows is loaded: ${way}`);

  user_test(async (t) => {
    await user.fetch(t, "visit", respond(TARGET));
    assert_false(await loads(t, file(TARGET, FONT, "Access-Control-Prevent-Origin,*")));
    assert_false(await loads(t, file(TARGET, FONT, `Access-Control-Allow-Origin,${OTHER_ORIGIN}`)));
  }, `A server's no counts: ${way}`);

  user_test(async (t) => {
    assert_true(await loads(t, file(TARGET, FONT, "Access-Control-Allow-Origin,*")));
    assert_true(await loads(t, file(TEST_ORIGIN, FONT)));
    await user.assertNotAsked();
  }, `What its server allows is loaded as ever: ${way}`);
}

user_test(async (t) => {
  await user.fetch(t, "visit", respond(TARGET));
  const base = document.createElement("base");
  base.href = "/another/place/";
  document.head.append(base);
  t.add_cleanup(() => base.remove());
  assert_true(await loadByStyle(t, file(TARGET, FONT)));
}, "The page's base URL plays no part");

user_test(async (t) => {
  await user.fetch(t, "visit", respond(TARGET));
  const frame = document.createElement("iframe");
  t.add_cleanup(() => frame.remove());
  frame.srcdoc = "<!DOCTYPE html><body>";
  await new Promise((resolve) => {
    frame.onload = resolve;
    document.body.append(frame);
  });
  assert_false(await loadByStyle(t, file(TARGET, FONT), frame.contentDocument));
  assert_true(await loadByStyle(t, file(TEST_ORIGIN, FONT), frame.contentDocument));
  await user.assertNotAsked();
}, "What a page may load is not loaded by a frame of its origin");

user_test(async (t) => {
  const bytes = await (await user.fetch(t, "once", file(TARGET, FONT))).arrayBuffer();
  assert_implements_optional("FontFace" in self, "FontFace");
  await new FontFace("Wide", bytes).load();
}, "What was read by fetch() can be made a font");

answered_test("always", async (t) => {
  assert_false(await loadByStyle(t, file(TARGET, FONT)));
  assert_array_equals((await user.permissions()).grants, []);
}, "Rules are not asked either");
