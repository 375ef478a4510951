// Passkeys: a form with data-passkey asks the browser to make one ("create") or to answer with one ("get"), puts what it
// says into the field "credential", and is sent. The challenge is in the page (data-options) or comes from form.action.

const bytes = (text) => {
  const padded = text.replace(/-/g, "+").replace(/_/g, "/").padEnd(Math.ceil(text.length / 4) * 4, "=");
  return Uint8Array.from(atob(padded), (letter) => letter.charCodeAt(0));
};

const text = (buffer) => {
  if (!buffer) return null;
  let raw = "";
  for (const byte of new Uint8Array(buffer)) raw += String.fromCharCode(byte);
  return btoa(raw).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
};

const listed = (credentials) => (credentials || []).map((one) => ({ ...one, id: bytes(one.id) }));

function creation({ publicKey }) {
  return {
    publicKey: {
      ...publicKey,
      challenge: bytes(publicKey.challenge),
      user: { ...publicKey.user, id: bytes(publicKey.user.id) },
      excludeCredentials: listed(publicKey.excludeCredentials),
    },
  };
}

function request({ publicKey }) {
  return {
    publicKey: { ...publicKey, challenge: bytes(publicKey.challenge), allowCredentials: listed(publicKey.allowCredentials) },
  };
}

function told(credential) {
  const { response } = credential;
  const answer = { clientDataJSON: text(response.clientDataJSON) };
  if (response.attestationObject) {
    answer.attestationObject = text(response.attestationObject);
    answer.transports = response.getTransports ? response.getTransports() : [];
  } else {
    answer.authenticatorData = text(response.authenticatorData);
    answer.signature = text(response.signature);
    answer.userHandle = text(response.userHandle);
  }
  return {
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment || null,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: answer,
  };
}

async function options(form) {
  if (form.dataset.options) return JSON.parse(document.getElementById(form.dataset.options).textContent);
  const answer = await fetch(form.action, { headers: { Accept: "application/json" }, credentials: "same-origin" });
  const data = await answer.json();
  if (!answer.ok) throw new Error(data.message);
  return data;
}

function reason(error) {
  if (error.name === "NotAllowedError") return "Nothing was sent: it was cancelled, or took too long. Try again.";
  if (error.name === "InvalidStateError") return "This device has a passkey for your account already.";
  if (error.name === "SecurityError") return "Passkeys need this site's name in the address bar, not a number. On this machine, open it as localhost.";
  return error.message || "The passkey could not be used.";
}

async function ask(form) {
  const place = form.querySelector("[data-passkey-error]");
  const button = form.querySelector("button[type=submit]");
  place.hidden = true;
  button.disabled = true;
  try {
    const data = await options(form);
    const credential =
      form.dataset.passkey === "create"
        ? await navigator.credentials.create(creation(data.creation_options))
        : await navigator.credentials.get(request(data.request_options));
    form.elements.credential.value = JSON.stringify(told(credential));
    form.submit();
  } catch (error) {
    place.textContent = reason(error);
    place.hidden = false;
    button.disabled = false;
  }
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential) {
    const place = form.querySelector("[data-passkey-error]");
    if (form.hidden) continue;
    place.textContent = "This browser has no passkeys, or the address is not secure (https).";
    place.hidden = false;
    form.querySelector("button[type=submit]").disabled = true;
    continue;
  }
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(form);
  });
}
