// Says before a photo is sent that it is too large. Without scripts the server says so afterwards.
for (const input of document.querySelectorAll("input[type=file][data-most-bytes]")) {
  input.addEventListener("change", () => {
    const file = input.files[0];
    const large = file && file.size > Number(input.dataset.mostBytes);
    input.setCustomValidity(large ? input.dataset.tooLarge : "");
    input.reportValidity();
  });
}
