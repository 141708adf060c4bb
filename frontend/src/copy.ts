/** Put text on the clipboard; false when the browser refuses (no permission, or a page that is not secure). */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
