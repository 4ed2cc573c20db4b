// OAuth 1.0a with HMAC-SHA1, the client's half: https://www.rfc-editor.org/rfc/rfc5849

// https://www.rfc-editor.org/rfc/rfc5849#section-3.6
function encoded(text) {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => "%" + character.charCodeAt(0).toString(16).toUpperCase(),
  );
}

function hexadecimal(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// https://www.rfc-editor.org/rfc/rfc5849#section-3.4.2
async function hmacSha1(secret, text) {
  const encoder = new TextEncoder();
  const algorithm = { name: "HMAC", hash: "SHA-1" };
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, ["sign"]);
  const digest = new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(text)));
  return btoa(String.fromCharCode(...digest));
}

/// The value of `Authorization` for a request without a body.
export async function authorization(method, url, keys) {
  const parameters = {
    oauth_consumer_key: keys.consumerKey,
    oauth_nonce: hexadecimal(crypto.getRandomValues(new Uint8Array(16))),
    oauth_signature_method: "HMAC-SHA1",
    oauth_timestamp: String(Math.floor(Date.now() / 1000)),
    oauth_token: keys.token,
    oauth_version: "1.0",
  };
  // https://www.rfc-editor.org/rfc/rfc5849#section-3.4.1
  const pairs = [...url.searchParams, ...Object.entries(parameters)]
    .map(([name, value]) => [encoded(name), encoded(value)])
    .sort(([a, x], [b, y]) => (a < b || (a === b && x < y) ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`);
  const base = [method, url.origin + url.pathname, pairs.join("&")].map(encoded).join("&");
  const secret = `${encoded(keys.consumerSecret)}&${encoded(keys.tokenSecret)}`;
  const signed = { ...parameters, oauth_signature: await hmacSha1(secret, base) };
  const fields = Object.entries(signed).map(([name, value]) => `${name}="${encoded(value)}"`);
  return `OAuth ${fields.join(", ")}`;
}
