// The size of the window, the same in every browser.

export const VIEW = { width: 1200, height: 800 };
