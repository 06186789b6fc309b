/** White space that cutting words apart has left before punctuation and endings. */
const ENDINGS = [" .", " ?", " !", " ,", " ' ", " n't", " 'm", " 's", " 've", " 're"] as const;

/** Takes white space away before punctuation and English endings, as transformers' `clean_up_tokenization` does. */
export function cleanUpSpaces(text: string): string {
  return ENDINGS.reduce((cleaned, ending) => cleaned.replaceAll(ending, ending.trim()), text);
}

/** The same of one word, as the WordPiece decoder of Hugging Face's tokenizers does. */
export function cleanUpWord(word: string): string {
  const [before, after] = [ENDINGS.slice(0, 7), ENDINGS.slice(7)];
  const clean = (text: string, ending: string) => text.replaceAll(ending, ending.trim());
  return after.reduce(clean, before.reduce(clean, word).replaceAll(" do not", " don't"));
}
