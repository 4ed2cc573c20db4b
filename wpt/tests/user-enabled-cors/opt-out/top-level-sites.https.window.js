// META: title=User-enabled CORS: what is remembered is of one top-level site
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/opt-out.sub.js

const isRead = (url) => fetch(url).then(() => true, () => false);
const preventing = (target) => respond(target, { header: "Access-Control-Prevent-Origin:*;max-age=3600" });

// Fetches in a top-level page of another site and tells whether that could read it.
function isReadElsewhere(t, url) {
  const script = `fetch(${JSON.stringify(url)}).then(() => true, () => false).then((result) => opener.postMessage({ result }, "*"));`;
  const page = respond(ANSWERS.never, { type: "text/html", body: `<script>${script}<\/script>` });
  return new Promise((resolve) => {
    const other = window.open(page);
    t.add_cleanup(() => other.close());
    addEventListener("message", (event) => resolve(event.data.result), { once: true });
  });
}

promise_test(async (t) => {
  assert_true(await isReadElsewhere(t, respond(TARGETS[0])), "the other page may ask");
}, "A page of another site asks for itself");

promise_test(async (t) => {
  assert_false(await isRead(preventing(TARGETS[1])));
  assert_false(await isRead(respond(TARGETS[1])));
  assert_true(await isReadElsewhere(t, respond(TARGETS[1])));
}, "What is remembered here is not remembered there");

promise_test(async (t) => {
  assert_false(await isReadElsewhere(t, preventing(TARGETS[2])));
  assert_true(await isRead(respond(TARGETS[2])));
}, "What is remembered there is not remembered here, so that no bits pass between sites");
