// META: title=User-enabled CORS: preflights that fail in silence
// META: script=/user-enabled-cors/resources/servers.sub.js

const put = (origin, parameters) => fetch(respond(origin, { body: "put", ...parameters }), { method: "PUT", body: "{}" });

for (const status of [200, 204, 301, 302, 307, 308, 400, 401, 403, 404, 405, 500, 501, 503]) {
  promise_test(async () => {
    const token = newToken();
    const elsewhere = newToken();
    const header = status > 300 && status < 400 ? [`Location:${respond(ANSWERS.once, { token: elsewhere })}`] : [];
    const response = await put(ANSWERS.once, { token, "preflight-status": status, "preflight-header": header });
    assert_equals(await response.text(), "put");
    const records = await seen(token);
    assert_array_equals(records.map((record) => record.method), ["OPTIONS", "PUT"]);
    assert_array_equals(await seen(elsewhere), [], "no preflight is redirected");
  }, `A preflight with status ${status} and nothing else`);
}

for (const status of [200, 405]) {
  promise_test(async (t) => {
    const token = newToken();
    await rejects(t, put(ANSWERS.notNow, { token, "preflight-status": status }));
    assert_array_equals((await seen(token)).map((record) => record.method), ["OPTIONS"]);
  }, `If the user declines nothing but the preflight is sent: ${status}`);
}

for (const kind of ["close", "reset", "garbage", "cut-header"]) {
  promise_test(async (t) => {
    const token = newToken();
    await rejects(t, put(ANSWERS.once, { token, "preflight-break": kind }));
    assert_true((await seen(token)).every((record) => record.isPreflight), "the request is not sent");
  }, `A preflight without a response is no silence: ${kind}`);
}

for (const value of ["", "*, *", "nobody"]) {
  promise_test(async () => {
    const token = newToken();
    const response = await put(ANSWERS.once, { token, "preflight-header": `Access-Control-Allow-Origin:${value}` });
    assert_equals(await response.text(), "put");
    assert_array_equals((await seen(token)).map((record) => record.method), ["OPTIONS", "PUT"]);
  }, `A preflight with a malformed Access-Control-Allow-Origin: "${value}"`);
}

promise_test(async () => {
  const token = newToken();
  const header = [ALLOW_TEST];
  const parameters = { token, header, "preflight-header": [ALLOW_TEST, "Access-Control-Allow-Methods:PUT"] };
  const response = await put(ANSWERS.once, parameters);
  assert_equals(await response.text(), "put");
  const [, request] = await seen(token);
  assert_equals(headerOf(request, "sec-user-enabled-cors"), null);
}, "A server that allows it needs no user");

promise_test(async () => {
  const token = newToken();
  const parameters = { token, "preflight-header": [ALLOW_TEST, "Access-Control-Allow-Methods:PUT"] };
  const response = await put(ANSWERS.once, parameters);
  assert_equals(await response.text(), "put");
  assert_array_equals((await seen(token)).map((record) => record.method), ["OPTIONS", "PUT"], "it is not sent again");
}, "A preflight that allows it, before a response that is silent");
