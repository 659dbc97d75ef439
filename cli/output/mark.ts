/** How a line of a long verb begins that tells a problem. */
export const problemMark = " !     ";
