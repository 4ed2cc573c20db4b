// META: title=Fetch: mixed content
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/cors/resources/hosts.sub.js

for (const mode of ["cors", "no-cors"]) {
  promise_test(async (t) => {
    const token = newToken();
    await rejects(t, fetch(respond(CROSS_SITE_INSECURE, { token, header: ALLOW_ALL }), { mode }));
    assert_array_equals(await seen(token), [], "nothing is sent");
  }, `http from https is not sent: ${mode}`);

  promise_test(async (t) => {
    const token = newToken();
    const end = respond(CROSS_SITE_INSECURE, { token, header: ALLOW_ALL });
    await rejects(t, fetch(redirect(CROSS_SITE, end, { header: ALLOW_ALL }), { mode }));
    assert_array_equals(await seen(token), [], "nothing is sent");
  }, `Nor after a redirect: ${mode}`);

  promise_test(async () => {
    const token = newToken();
    await fetch(respond(CROSS_SITE, { token, header: ALLOW_ALL }), { mode });
    assert_equals((await seen(token)).length, 1);
  }, `https is: ${mode}`);
}

promise_test(async (t) => {
  const token = newToken();
  const xhr = new XMLHttpRequest();
  xhr.open("GET", respond(CROSS_SITE_INSECURE, { token, header: ALLOW_ALL }));
  await new Promise((resolve) => {
    xhr.onloadend = resolve;
    xhr.send();
  });
  assert_equals(xhr.status, 0);
  assert_array_equals(await seen(token), []);
}, "XMLHttpRequest");
