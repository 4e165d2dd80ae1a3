##! All detections.

@load ./beacons
@load ./coverage
@load ./downloads
@load ./first-seen
@load ./hidden
@load ./hops
@load ./persistence
