// META: title=User-enabled CORS: frames never ask
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

// Only a tab's top-level document and its dedicated workers do. With every question answered by yes.
const TARGET = ANSWERS.once;
const FETCH = (url, init) => `fetch(${JSON.stringify(url)}, ${JSON.stringify(init || {})}).then((r) => r.text(), (e) => e.name).then((r) => parent.postMessage(r, "*"));`;
const page = (origin, script) => respond(origin, { type: "text/html", body: `<script>${script}<\/script>` });

function inFrame(t, prepare) {
  return new Promise((resolve) => {
    const frame = document.createElement("iframe");
    t.add_cleanup(() => frame.remove());
    const listener = ({ source, data }) => {
      if (source === frame.contentWindow) {
        removeEventListener("message", listener);
        resolve(data);
      }
    };
    addEventListener("message", listener);
    prepare(frame);
    document.body.append(frame);
  });
}

const URLS = [
  ["GET", () => respond(TARGET, { body: "text" }), {}],
  ["POST", () => respond(TARGET, { body: "text" }), { method: "POST", body: "x" }],
  ["PUT", () => respond(TARGET, { body: "text" }), { method: "PUT" }],
];
const FRAMES = [
  ["of the same origin", (script) => (frame) => (frame.src = page(TEST_ORIGIN, script))],
  ["of another origin", (script) => (frame) => (frame.src = page(ANSWERS.never, script))],
  ["of the target", (script) => (frame) => (frame.src = page(ONCE_TOO, script))],
  ["with srcdoc", (script) => (frame) => (frame.srcdoc = `<script>${script}<\/script>`)],
  ["sandboxed", (script) => (frame) => {
    frame.sandbox = "allow-scripts";
    frame.srcdoc = `<script>${script}<\/script>`;
  }],
  ["sandboxed with the same origin", (script) => (frame) => {
    frame.sandbox = "allow-scripts allow-same-origin";
    frame.src = page(TEST_ORIGIN, script);
  }],
  ["of a blob: URL", (script) => (frame) => (frame.src = URL.createObjectURL(new Blob([`<script>${script}<\/script>`], { type: "text/html" })))],
  ["of a data: URL", (script) => (frame) => (frame.src = `data:text/html,${encodeURIComponent(`<script>${script}<\/script>`)}`)],
];

for (const [where, prepare] of FRAMES) {
  for (const [title, url, init] of URLS) {
    answered_test("visit", async (t) => {
      assert_equals(await inFrame(t, prepare(FETCH(url(), init))), "TypeError");
      assert_array_equals((await user.permissions()).grants, []);
    }, `A frame ${where}: ${title}`);
  }

  user_test(async (t) => {
    assert_equals(await inFrame(t, prepare(FETCH(respond(TARGET)))), "TypeError");
    await user.assertNotAsked();
  }, `Nobody is asked for a frame ${where}`);

  answered_test("visit", async (t) => {
    await fetch(respond(TARGET));
    assert_equals(await inFrame(t, prepare(FETCH(respond(TARGET, { body: "text" })))), "TypeError");
  }, `What its page may read is not read by a frame ${where}`);

  answered_test("visit", async (t) => {
    const url = respond(TARGET, { body: "text", header: ALLOW_ALL });
    assert_equals(await inFrame(t, prepare(FETCH(url))), "text");
  }, `What the server allows is read by a frame ${where}`);
}

answered_test("visit", async (t) => {
  const frame = document.createElement("iframe");
  t.add_cleanup(() => frame.remove());
  document.body.append(frame);
  const result = await frame.contentWindow.fetch(respond(TARGET)).then(() => "read", (error) => error.name);
  assert_equals(result, "TypeError");
}, "about:blank, by a script of its page");

answered_test("visit", async (t) => {
  const script = `
    const worker = new Worker(URL.createObjectURL(new Blob(["onmessage = (e) => fetch(e.data).then((r) => r.text(), (e) => e.name).then(postMessage)"])));
    worker.onmessage = (e) => parent.postMessage(e.data, "*");
    worker.postMessage(${JSON.stringify(respond(TARGET))});`;
  const result = await inFrame(t, (frame) => (frame.src = page(TEST_ORIGIN, script)));
  assert_equals(result, "TypeError");
}, "A dedicated worker of a frame");

answered_test("visit", async (t) => {
  const script = `
    const image = new Image();
    image.crossOrigin = "anonymous";
    image.onload = image.onerror = (e) => parent.postMessage(e.type, "*");
    image.src = ${JSON.stringify(new URL("/user-enabled-cors/resources/green.png", TARGET).href)};`;
  assert_equals(await inFrame(t, (frame) => (frame.src = page(TEST_ORIGIN, script))), "error");
}, "An image of a frame");

answered_test("visit", async () => {
  const response = await fetch(respond(TARGET, { body: "text" }));
  assert_equals(await response.text(), "text");
}, "The top-level document may");
