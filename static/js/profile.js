// The profile: a chosen picture is shown before it is sent, and one that is too large is refused at once. The server
// decides either way.

const form = document.querySelector("[data-avatar-form]");

if (form) {
  const input = form.querySelector('input[type="file"]');
  const preview = form.querySelector("[data-avatar-preview]");
  const error = form.querySelector("[data-avatar-error]");

  input.addEventListener("change", () => {
    const file = input.files[0];
    error.hidden = true;
    if (!file) return;
    if (file.size > Number(input.dataset.maxBytes)) {
      error.textContent = "This file is larger than 4 MB. Use a smaller picture.";
      error.hidden = false;
      input.value = "";
      return;
    }
    const reader = new FileReader();
    reader.addEventListener("load", () => {
      const picture = document.createElement("img");
      picture.className = "avatar avatar-large";
      picture.alt = "";
      picture.src = reader.result;
      preview.replaceChildren(picture);
    });
    reader.readAsDataURL(file);
  });
}

// Where UTC stands, the zone of the device is offered.
const zone = document.querySelector('input[name="time_zone"]');
const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && zone.value === "UTC" && own && own !== "UTC" && document.querySelector(`#zones option[value="${CSS.escape(own)}"]`)) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-small";
  button.textContent = `Use ${own}`;
  button.addEventListener("click", () => {
    zone.value = own;
    button.remove();
    zone.focus();
  });
  zone.after(button);
}
