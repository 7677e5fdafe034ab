// A form with such a button is sent once: the second press does nothing, and the button says what is going on.

export function sendOnce(root = document) {
  root.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    const button = form.querySelector("[data-once]");
    if (!button) return;
    form.dataset.sent = "1";
    button.dataset.before = button.textContent;
    button.setAttribute("aria-disabled", "true");
    button.textContent = button.dataset.once;
  });
  // Coming back with the browser's Back button shows the page as it was left.
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    for (const button of document.querySelectorAll("[data-before]")) {
      button.textContent = button.dataset.before;
      button.removeAttribute("aria-disabled");
      delete button.form.dataset.sent;
    }
  });
}
