// META: title=User-enabled CORS: dedicated workers
// META: script=/user-enabled-cors/resources/servers.sub.js

// Runs a script in a worker, which posts what comes of fetch(url) there.
function fetchInWorker(t, url, { type = "classic", source } = {}) {
  const script = source || 'onmessage = (event) => fetch(event.data).then((r) => r.text(), (e) => e.name).then(postMessage);';
  const worker = new Worker(respond(TEST_ORIGIN, { type: "text/javascript", body: script }), { type });
  t.add_cleanup(() => worker.terminate());
  return new Promise((resolve, reject) => {
    worker.onmessage = (event) => resolve(event.data);
    worker.onerror = reject;
    worker.postMessage(url);
  });
}

for (const type of ["classic", "module"]) {
  promise_test(async (t) => {
    assert_equals(await fetchInWorker(t, respond(ANSWERS.once, { body: "text" }), { type }), "text");
  }, `A ${type} worker may ask`);

  promise_test(async (t) => {
    assert_equals(await fetchInWorker(t, respond(ANSWERS.notNow), { type }), "TypeError");
  }, `A ${type} worker may be declined`);
}

promise_test(async (t) => {
  await fetch(respond(ANSWERS.visit));
  assert_equals(await fetchInWorker(t, respond(ANSWERS.visit, { body: "text" })), "text");
}, "What the page may read its worker may");

promise_test(async (t) => {
  const source = 'onmessage = (event) => { try { importScripts(event.data); postMessage("loaded"); } catch (e) { postMessage(e.name); } };';
  const url = respond(ANSWERS.never, { type: "text/javascript", body: "self.x = 1;" });
  assert_equals(await fetchInWorker(t, url, { source }), "loaded");
}, "importScripts() is as it was");

promise_test(async (t) => {
  const source = 'onmessage = (event) => import(event.data).then(() => postMessage("loaded"), (e) => postMessage(e.name));';
  const url = respond(ANSWERS.once, { type: "text/javascript", body: "export const x = 1;" });
  assert_equals(await fetchInWorker(t, url, { source, type: "module" }), "TypeError");
}, "Nobody is asked for a module");

promise_test(async (t) => {
  const source = `
    onmessage = (event) => {
      const xhr = new XMLHttpRequest();
      xhr.open("GET", event.data);
      xhr.onloadend = () => postMessage(xhr.status + xhr.responseText);
      xhr.send();
    };`;
  assert_equals(await fetchInWorker(t, respond(ANSWERS.once, { body: "text" }), { source }), "200text");
  assert_equals(await fetchInWorker(t, respond(ANSWERS.notNow, { body: "text" }), { source }), "0");
}, "XMLHttpRequest in a worker");

promise_test(async (t) => {
  const source = `
    onmessage = (event) => {
      const inner = new Worker(URL.createObjectURL(new Blob(["onmessage = (e) => fetch(e.data).then((r) => r.text(), (e) => e.name).then(postMessage);"])));
      inner.onmessage = (e) => postMessage(e.data);
      inner.postMessage(event.data);
    };`;
  assert_equals(await fetchInWorker(t, respond(ANSWERS.notNow), { source }), "TypeError");
}, "A worker's worker gets no more than it");
