// META: title=Fetch and Subresource Integrity: what is reported to endpoints
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/cors/resources/hosts.sub.js

const policy = (name, value) => `${name}:${value}`;
const COEP = "Cross-Origin-Embedder-Policy";
const COEP_REPORT_ONLY = "Cross-Origin-Embedder-Policy-Report-Only";
const ALLOW_CONTENT_TYPE = "Access-Control-Allow-Headers:content-type";

// An endpoint named “e” at an origin, as a header, and the token under which it tells what it was sent.
function endpoint(origin = TEST_ORIGIN, parameters = {}) {
  const token = newToken();
  const url = respond(origin, { token, ...parameters });
  return { token, header: `Reporting-Endpoints:e="${url}"` };
}

// A frame with these headers, once it has loaded whatever it loads.
async function frame(t, header, document = self.document, origin = TEST_ORIGIN) {
  const element = document.createElement("iframe");
  element.src = respond(origin, { type: "text/html", header, body: "<!DOCTYPE html><body>" });
  const loaded = new Promise((resolve) => element.addEventListener("load", resolve));
  document.body.append(element);
  t.add_cleanup(() => element.remove());
  await loaded;
  return element;
}

// The requests that an endpoint was sent, but for preflights, once there is one.
async function received(t, token) {
  let posts = [];
  await eventually(t, async () => {
    posts = (await seen(token)).filter((record) => !record.isPreflight);
    return posts.length > 0;
  }, "a report comes");
  return posts;
}

// All reports among them.
const reportsIn = (posts) => posts.flatMap((post) => JSON.parse(post.body));

// Waits for as long as it may take until a report is sent that must not be, and sees that there is none.
async function nothingComes(t, token) {
  await new Promise((resolve) => t.step_timeout(resolve, 500));
  assert_equals((await seen(token)).length, 0);
}

for (const [title, name, disposition, loads] of [
  ["that is enforced", COEP, "enforce", false],
  ["that is only reported", COEP_REPORT_ONLY, "reporting", true],
]) {
  promise_test(async (t) => {
    const { token, header } = endpoint();
    const element = await frame(t, [policy(name, 'require-corp; report-to="e"'), header]);
    const blocked = respond(CROSS_SITE, {});
    const promise = element.contentWindow.fetch(`${blocked}#fragment`, { mode: "no-cors" });
    if (loads) {
      assert_equals((await promise).type, "opaque");
    } else {
      await promise_rejects_js(t, element.contentWindow.TypeError, promise);
    }
    const [post] = await received(t, token);
    assert_equals(post.method, "POST");
    assert_equals(headerOf(post, "content-type"), "application/reports+json");
    assert_equals(headerOf(post, "sec-fetch-dest"), "report");
    assert_equals(headerOf(post, "sec-fetch-mode"), "cors");
    assert_equals(headerOf(post, "origin"), TEST_ORIGIN);
    const [report, ...more] = JSON.parse(post.body);
    assert_equals(more.length, 0);
    assert_equals(report.type, "coep");
    assert_equals(report.url, element.src);
    assert_equals(report.user_agent, navigator.userAgent);
    assert_greater_than_equal(report.age, 0);
    assert_equals(report.body.type, "corp");
    assert_equals(report.body.blockedURL, blocked);
    assert_equals(report.body.destination, "");
    assert_equals(report.body.disposition, disposition);
  }, `What a policy ${title} is against is reported`);
}

promise_test(async (t) => {
  const { token, header } = endpoint();
  const element = await frame(t, [policy(COEP_REPORT_ONLY, 'require-corp; report-to="e"'), header]);
  const image = element.contentDocument.createElement("img");
  const secret = respond(CROSS_SITE, { body: "secret" });
  image.src = redirect(CROSS_SITE_TOO, secret, { header: "Cross-Origin-Resource-Policy:cross-origin" });
  element.contentDocument.body.append(image);
  const [report] = reportsIn(await received(t, token));
  assert_equals(report.body.blockedURL, image.src);
  assert_equals(report.body.destination, "image");
}, "Of a redirect only what the page knows is reported");

promise_test(async (t) => {
  const { token, header } = endpoint();
  const element = await frame(t, [policy(COEP, 'require-corp; report-to="e"'), header]);
  const inner = await frame(t, [], element.contentDocument);
  assert_equals(inner.contentDocument, null);
  const [report] = reportsIn(await received(t, token));
  assert_equals(report.url, element.src);
  assert_equals(report.body.type, "navigation");
  assert_equals(report.body.blockedURL, inner.src);
  assert_equals(report.body.disposition, "enforce");
  assert_false("destination" in report.body);
}, "A frame without a policy is reported");

promise_test(async (t) => {
  const { token, header } = endpoint();
  const element = await frame(t, [policy(COEP_REPORT_ONLY, 'require-corp; report-to="e"'), header]);
  const script = respond(TEST_ORIGIN, { type: "text/javascript", body: "postMessage('here')" });
  const worker = new element.contentWindow.Worker(script);
  t.add_cleanup(() => worker.terminate());
  await new Promise((resolve) => { worker.onmessage = resolve; });
  const [report] = reportsIn(await received(t, token));
  assert_equals(report.body.type, "worker initialization");
  assert_equals(report.body.blockedURL, script);
  assert_equals(report.body.disposition, "reporting");
}, "A worker without a policy is reported");

for (const [title, name, reportOnly] of [
  ["An integrity policy", "Integrity-Policy", false],
  ["One that is only reported", "Integrity-Policy-Report-Only", true],
]) {
  promise_test(async (t) => {
    const { token, header } = endpoint();
    const element = await frame(t, [policy(name, "blocked-destinations=(script), endpoints=(e)"), header]);
    const script = element.contentDocument.createElement("script");
    script.src = respond(TEST_ORIGIN, { type: "text/javascript", body: "" });
    const ended = new Promise((resolve) => {
      script.onload = () => resolve("load");
      script.onerror = () => resolve("error");
    });
    element.contentDocument.body.append(script);
    assert_equals(await ended, reportOnly ? "load" : "error");
    const [report] = reportsIn(await received(t, token));
    assert_equals(report.type, "integrity-violation");
    assert_equals(report.url, element.src);
    assert_equals(report.body.documentURL, element.src);
    assert_equals(report.body.blockedURL, script.src);
    assert_equals(report.body.destination, "script");
    assert_equals(report.body.reportOnly, reportOnly);
  }, `${title} is reported`);
}

const PREFLIGHT_ALLOWS = [ALLOW_TEST, ALLOW_CONTENT_TYPE];

promise_test(async (t) => {
  const parameters = { header: ALLOW_TEST, "preflight-header": PREFLIGHT_ALLOWS };
  const { token, header } = endpoint(CROSS_SITE, parameters);
  const set = (attributes) => fetch(handler(CROSS_SITE, "cookies.py", {
    set: `reporting=1; Path=/; SameSite=None; Secure; Partitioned${attributes}`,
    header: [ALLOW_TEST, ALLOW_CREDENTIALS],
  }), { credentials: "include" });
  await set("");
  t.add_cleanup(() => set("; Max-Age=0"));
  const { contentWindow } = await frame(t, [policy(COEP_REPORT_ONLY, 'require-corp; report-to="e"'), header]);
  await contentWindow.fetch(respond(CROSS_SITE_TOO, {}), { mode: "no-cors" });
  const [post] = await received(t, token);
  assert_equals(headerOf(post, "cookie"), null);
  const records = await seen(token);
  assert_true(records[0].isPreflight);
}, "An endpoint of another site is asked first, and gets no cookies");

promise_test(async (t) => {
  const { token, header } = endpoint(CROSS_SITE);
  const { contentWindow } = await frame(t, [policy(COEP_REPORT_ONLY, 'require-corp; report-to="e"'), header]);
  await contentWindow.fetch(respond(CROSS_SITE_TOO, {}), { mode: "no-cors" });
  await eventually(t, async () => (await seen(token)).length > 0, "the endpoint is asked");
  await new Promise((resolve) => t.step_timeout(resolve, 300));
  const records = await seen(token);
  assert_equals(records.filter((record) => !record.isPreflight).length, 0);
}, "An endpoint that does not allow it gets no report, and nobody is asked");

for (const [title, value] of [
  ["that the policy does not name", 'require-corp; report-to="f"'],
  ["of a policy that names none", "require-corp"],
]) {
  promise_test(async (t) => {
    const { token, header } = endpoint();
    const { contentWindow } = await frame(t, [policy(COEP_REPORT_ONLY, value), header]);
    await contentWindow.fetch(respond(CROSS_SITE, {}), { mode: "no-cors" });
    await nothingComes(t, token);
  }, `An endpoint ${title} gets nothing`);
}

promise_test(async (t) => {
  const { token, header } = endpoint();
  const { contentWindow } = await frame(t, [policy(COEP_REPORT_ONLY, 'require-corp; report-to="e"'), header]);
  for (const corp of ["cross-origin", "same-origin"]) {
    await contentWindow.fetch(respond(CROSS_SITE, { header: `Cross-Origin-Resource-Policy:${corp}` }), { mode: "no-cors" }).catch(() => {});
  }
  await contentWindow.fetch(respond(TEST_ORIGIN, {}), { mode: "no-cors" });
  await nothingComes(t, token);
}, "What a server says itself is not the page's to report");

promise_test(async (t) => {
  const { token, header } = endpoint();
  const { contentWindow } = await frame(t, [policy(COEP_REPORT_ONLY, 'require-corp; report-to="e"'), header]);
  const all = Array.from({ length: 150 }, () => contentWindow.fetch(respond(CROSS_SITE, {}), { mode: "no-cors" }));
  await Promise.all(all);
  const posts = await received(t, token);
  assert_less_than(posts.length, 100);
}, "Reports go together");
