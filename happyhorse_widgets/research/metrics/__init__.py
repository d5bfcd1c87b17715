"""What can be measured of clips: of each its technical facts, motion, picture, sound and subjects, of two how far they differ.

`definitions` says what each number is and whose definition it is. Needs the extra `research`.
"""
