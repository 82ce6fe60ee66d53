// The same types for `require`.
import microsandbox = require("microsandbox");

export const images: Promise<microsandbox.ImageHandle[]> = microsandbox.Image.list();
