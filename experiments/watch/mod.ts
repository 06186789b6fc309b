/**
 * A folder of records as a page, served to this machine or as one file.
 *
 * @module
 */
export { bundleClient } from "./bundle.ts";
export { FolderWatch } from "./folder_watch.ts";
export { type Page, watchPage } from "./page.ts";
export { serve } from "./serve.ts";
export type { Update, WatchedRun } from "./snapshot.ts";
