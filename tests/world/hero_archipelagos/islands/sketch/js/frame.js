export function frame(text) {
  return `[ ${text} ]`;
}
