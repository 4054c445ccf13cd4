"""What a video file is: probing, facts, and finding the files of a library."""
