// META: title=User-enabled CORS: shared and service workers never ask
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const TARGET = ANSWERS.once;
const FETCH = "(url) => fetch(url).then((r) => r.text(), (e) => e.name)";
const script = (body) => respond(TEST_ORIGIN, { type: "text/javascript", body });

function fetchInSharedWorker(url) {
  const worker = new SharedWorker(script(`onconnect = ({ ports: [port] }) => (port.onmessage = (e) => (${FETCH})(e.data).then((r) => port.postMessage(r)));`), newToken());
  return new Promise((resolve, reject) => {
    worker.onerror = reject;
    worker.port.onmessage = (event) => resolve(event.data);
    worker.port.start();
    worker.port.postMessage(url);
  });
}

answered_test("visit", async () => {
  assert_implements_optional("SharedWorker" in self, "shared workers");
  assert_equals(await fetchInSharedWorker(respond(TARGET, { body: "text", header: ALLOW_ALL })), "text");
  assert_equals(await fetchInSharedWorker(respond(TARGET, { body: "text" })), "TypeError");
}, "A shared worker");

answered_test("visit", async () => {
  assert_implements_optional("SharedWorker" in self, "shared workers");
  await fetch(respond(TARGET));
  assert_equals(await fetchInSharedWorker(respond(TARGET, { body: "text" })), "TypeError");
}, "A shared worker, where the page may read");

// A service worker whose script fetches what it is told, and answers requests of its scope by a fetch of `proxied`.
async function register(t, body) {
  const registration = await navigator.serviceWorker.register(script(body), { scope: "/user-enabled-cors/resources/" });
  t.add_cleanup(() => registration.unregister());
  const worker = registration.installing || registration.waiting || registration.active;
  await eventually(t, () => worker.state === "activated", "the worker is activated");
  return worker;
}

function ask(worker, url) {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = (event) => resolve(event.data);
    worker.postMessage({ url, port: port2 }, [port2]);
  });
}
const ANSWERING = `onmessage = ({ data: { url, port } }) => (${FETCH})(url).then((r) => port.postMessage(r));`;

answered_test("visit", async (t) => {
  assert_implements_optional("serviceWorker" in navigator, "service workers");
  const worker = await register(t, ANSWERING);
  assert_equals(await ask(worker, respond(TARGET, { body: "text", header: ALLOW_ALL })), "text");
  assert_equals(await ask(worker, respond(TARGET, { body: "text" })), "TypeError");
}, "A service worker");

answered_test("visit", async (t) => {
  assert_implements_optional("serviceWorker" in navigator, "service workers");
  await fetch(respond(TARGET));
  const worker = await register(t, ANSWERING);
  assert_equals(await ask(worker, respond(TARGET, { body: "text" })), "TypeError");
}, "A service worker, where the page may read");
