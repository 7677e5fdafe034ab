// The form for a new decision: a quiet count, an example that can be taken back, one submission.

import { sendOnce } from "./once.js";

const digits = new Intl.NumberFormat("en-GB");

function count(output) {
  const field = document.getElementById(output.dataset.countFor);
  const most = Number(output.dataset.most);
  const show = () => {
    const length = [...field.value].length;
    const near = length > most * 0.8;
    output.textContent = length === 0 ? "" : `${digits.format(length)}${near ? ` of ${digits.format(most)}` : ""} characters`;
    output.classList.toggle("near", near && length <= most);
    output.classList.toggle("over", length > most);
  };
  field.addEventListener("input", show);
  show();
}

function example(link) {
  const texts = JSON.parse(document.getElementById("example").textContent);
  const label = link.textContent;
  let mine = null;
  const fill = (values) => {
    for (const [name, value] of Object.entries(values)) {
      const field = document.getElementById(`id_${name}`);
      field.value = value;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
  };
  link.addEventListener("click", (event) => {
    event.preventDefault();
    if (mine) {
      fill(mine);
      mine = null;
      link.textContent = label;
      return;
    }
    mine = Object.fromEntries(Object.keys(texts).map((name) => [name, document.getElementById(`id_${name}`).value]));
    fill(texts);
    link.textContent = Object.values(mine).some(Boolean) ? "Put my own text back" : "Empty the form again";
  });
}

// Says what is attached, and holds back a form that the server would refuse: a browser forgets files on the way back.
function files(output) {
  const field = document.getElementById(output.dataset.filesFor);
  const [most, largest, total] = ["most", "largest", "total"].map((name) => Number(output.dataset[name]));
  const size = (bytes) => (bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
  const show = () => {
    const kept = [...field.form.querySelectorAll("[name=documents_kept]:checked")].map((box) => Number(box.dataset.size));
    const sizes = [...kept, ...[...field.files].map((file) => file.size)];
    const sum = sizes.reduce((a, b) => a + b, 0);
    const wrong =
      sizes.length > most
        ? `These are ${sizes.length} documents; attach at most ${most}.`
        : Math.max(0, ...sizes) > largest
          ? `A document has ${size(Math.max(...sizes))}; the most is ${size(largest)}.`
          : sum > total
            ? `Together they have ${size(sum)}; the most is ${size(total)}.`
            : "";
    const number = sizes.length === 1 ? "1 document" : `${sizes.length} documents`;
    output.textContent = wrong || (sizes.length ? `${number}, ${size(sum)}` : "");
    output.classList.toggle("over", Boolean(wrong));
    return !wrong;
  };
  field.form.addEventListener("change", (event) => {
    if (event.target === field || event.target.name === "documents_kept") show();
  });
  show();
  field.form.addEventListener("submit", (event) => {
    if (show()) return;
    event.preventDefault();
    event.stopPropagation();
    field.focus();
  });
}

document.querySelectorAll("[data-count-for]").forEach(count);
document.querySelectorAll("[data-files-for]").forEach(files);
document.querySelectorAll("[data-example]").forEach(example);
sendOnce();
